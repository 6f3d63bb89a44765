import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
} from 'yaml';
import { nearestWord } from '../common/nearest-word.js';
import { firstSyntaxFault, harmlessFaults } from './yaml-syntax.js';

/**
 * One YAML file, read field by field. Every fault is kept with file, line and column, and reading goes on, so that the
 * operator sees all of them at once. A fault never repeats a value.
 */
export class YamlFile {
  readonly faults: string[] = [];
  readonly document: Document.Parsed;
  /** Whether the text is YAML at all; if not, `faults` has the first place where it is not. */
  readonly isReadable: boolean;
  private readonly lines = new LineCounter();

  /** @param name the file as messages call it */
  constructor(
    private readonly name: string,
    text: string,
  ) {
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    const first = firstSyntaxFault(this.document, text);
    this.isReadable = first === undefined;
    const told = first === undefined ? harmlessFaults(this.document, text) : [first];
    for (const { offset, message } of told) this.faultAt(offset, message);
  }

  get root(): YamlField {
    return new YamlField(this, '', this.document.contents, 0);
  }

  faultAt(offset: number, message: string): void {
    const { line, col } = this.lines.linePos(offset);
    this.faults.push(`${this.name}:${Math.max(line, 1)}:${Math.max(col, 1)} ${message}`);
  }
}

/** A value of the file and the way to it. Readers give `undefined` for a fault, which they have then noted. */
export class YamlField {
  private readonly node: Node | null;

  constructor(
    private readonly file: YamlFile,
    readonly path: string,
    node: Node | null | undefined,
    private readonly offset: number,
  ) {
    this.node = (isAlias(node) ? node.resolve(file.document) : node) ?? null;
  }

  /** Nothing is written after the key, or `null`. */
  get isEmpty(): boolean {
    return this.node === null || (isScalar(this.node) && this.node.value === null);
  }

  fault(message: string): void {
    this.file.faultAt(this.offset, this.path === '' ? message : `${this.path}: ${message}`);
  }

  /** A mapping that has no other keys than `keys`. */
  fields(keys: readonly string[]): YamlMap | undefined {
    const map = this.entries();
    if (map === undefined) return undefined;
    const misspelt = new Set<string>();
    for (const [key, field] of map) {
      if (keys.includes(key)) continue;
      const meant = nearestWord(key, keys);
      if (meant !== undefined) misspelt.add(meant);
      field.fault(
        meant === undefined
          ? `is not known here; the keys are ${keys.join(', ')}`
          : `is not known here; did you mean "${meant}"?`,
      );
    }
    return new YamlMap(this, map, misspelt);
  }

  /** A mapping whose keys are names. */
  entries(): Map<string, YamlField> | undefined {
    if (!isMap(this.node)) {
      this.fault('must be a mapping (key: value)');
      return undefined;
    }
    const map = new Map<string, YamlField>();
    for (const { key, value } of this.node.items) {
      const name = isScalar(key) ? wordOf(key) : undefined;
      if (name === undefined) {
        new YamlField(this.file, this.path, null, offsetOf(key as Node | null, this.offset)).fault(
          'has a key that is no plain word',
        );
        continue;
      }
      const path = this.path === '' ? name : `${this.path}.${name}`;
      map.set(name, new YamlField(this.file, path, value as Node | null, offsetOf(key as Node, this.offset)));
    }
    return map;
  }

  items(): YamlField[] | undefined {
    if (!isSeq(this.node)) {
      this.fault('must be a list (- item)');
      return undefined;
    }
    return this.node.items.map((item, index) => {
      const node = item as Node | null;
      return new YamlField(this.file, `${this.path}[${index}]`, node, offsetOf(node, this.offset));
    });
  }

  /** Text, quoted or not. */
  text(): string | undefined {
    const value = this.scalar()?.value;
    if (typeof value === 'string' && value !== '') return value;
    this.fault('must be a text');
    return undefined;
  }

  word<Word extends string>(words: readonly Word[]): Word | undefined {
    const value = this.scalar()?.value;
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) {
      const meant = typeof value === 'string' ? nearestWord(value, words) : undefined;
      this.fault(
        `must be one of ${words.join(', ')}${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      );
    }
    return word;
  }

  flag(): boolean | undefined {
    const value = this.scalar()?.value;
    if (typeof value === 'boolean') return value;
    this.fault('must be true or false');
    return undefined;
  }

  whole({ min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number }): number | undefined {
    const value = this.scalar()?.value;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    this.fault(
      max === Number.MAX_SAFE_INTEGER
        ? `must be a whole number of ${min} or more`
        : `must be a whole number from ${min} to ${max}`,
    );
    return undefined;
  }

  /**
   * A number, as it is written: `0.0000003` keeps its digits whether quoted or not, which a float would not promise.
   *
   * @param read may refuse with a RangeError whose message does not repeat the text
   */
  decimal<Value>(read: (text: string) => Value): Value | undefined {
    const scalar = this.scalar();
    const written = typeof scalar?.value === 'number' ? scalar.source : scalar?.value;
    return this.read(typeof written === 'string' ? written : '', read);
  }

  /** Runs `read` and notes the RangeError that it refuses with. */
  read<Value>(text: string, read: (text: string) => Value): Value | undefined {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.fault(error.message);
      return undefined;
    }
  }

  private scalar(): Scalar | undefined {
    return isScalar(this.node) ? this.node : undefined;
  }
}

/** The known keys of a mapping. A key with nothing after it counts as left out. */
export class YamlMap {
  constructor(
    private readonly owner: YamlField,
    private readonly map: ReadonlyMap<string, YamlField>,
    /** Known keys that unknown ones were most likely meant to be, which has been told. */
    private readonly misspelt: ReadonlySet<string>,
  ) {}

  find(key: string): YamlField | undefined {
    const field = this.map.get(key);
    return field === undefined || field.isEmpty ? undefined : field;
  }

  /** Notes a fault when the key is left out. */
  get(key: string): YamlField | undefined {
    const field = this.find(key);
    if (field === undefined && !this.misspelt.has(key)) this.owner.fault(`"${key}" is missing`);
    return field;
  }
}

function offsetOf(node: Node | null, otherwise: number): number {
  return node?.range?.[0] ?? otherwise;
}

/** A key as it is written; `undefined`: nothing is. */
function wordOf({ value, source }: Scalar): string | undefined {
  if (value === null) return undefined;
  return typeof value === 'string' ? value : source;
}
