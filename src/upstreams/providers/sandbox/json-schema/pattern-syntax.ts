/** What a regular expression may match, as far as it is understood; lengths count code points. */
export type PatternNode = { readonly min: number; readonly max: number } & (
  | { readonly kind: 'character'; readonly picks: readonly string[] }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly least: number; readonly most: number }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'inside' }
);

type Range = readonly [from: number, to: number];

const LONGEST = 2_000;
const DEEPEST = 50;
const LAST_CODE_POINT = 0x10ffff;

/**
 * Reads an ordinary regular expression of ECMAScript in one pass; it is never compiled or run.
 * Undefined for what is not understood: look-around, references to groups, properties but the commonest, faulty syntax,
 * more than 2,000 characters or 50 levels.
 */
export function parsePattern(source: string): PatternNode | undefined {
  if (source.length > LONGEST) return undefined;
  try {
    return new Reader(source).whole();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class NotUnderstood extends Error {}

class Reader {
  private readonly points: readonly string[];
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    this.points = [...source];
  }

  whole(): PatternNode {
    const node = this.choice();
    if (this.at < this.points.length) throw new NotUnderstood();
    return node;
  }

  private choice(): PatternNode {
    const parts = [this.sequence()];
    while (this.take('|')) parts.push(this.sequence());
    if (parts.length === 1) return parts[0] as PatternNode;
    const min = Math.min(...parts.map((part) => part.min));
    return { kind: 'choice', parts, min, max: Math.max(...parts.map((part) => part.max)) };
  }

  private sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.at < this.points.length && this.next !== '|' && this.next !== ')') {
      parts.push(this.repeated(this.atom()));
    }
    const sum = (of: 'min' | 'max') => parts.reduce((total, part) => total + part[of], 0);
    return { kind: 'sequence', parts, min: sum('min'), max: sum('max') };
  }

  private repeated(part: PatternNode): PatternNode {
    const bounds = this.quantifier();
    if (bounds === undefined) return part;
    this.take('?');
    const [least, most] = bounds;
    if (least > most) throw new NotUnderstood();
    const max = part.max === 0 ? 0 : part.max * most;
    return { kind: 'repeat', part, least, most, min: part.min * least, max: most === 0 ? 0 : max };
  }

  private quantifier(): readonly [number, number] | undefined {
    if (this.take('*')) return [0, Infinity];
    if (this.take('+')) return [1, Infinity];
    if (this.take('?')) return [0, 1];
    if (this.next !== '{') return undefined;
    const end = this.points.indexOf('}', this.at);
    const found = /^(\d{1,9})(,(\d{1,9})?)?$/.exec(
      this.points.slice(this.at + 1, Math.max(this.at, end)).join(''),
    );
    // A brace that counts nothing stands for itself.
    if (end < 0 || found === null) return undefined;
    this.at = end + 1;
    const least = Number(found[1]);
    if (found[2] === undefined) return [least, least];
    return [least, found[3] === undefined ? Infinity : Number(found[3])];
  }

  private atom(): PatternNode {
    const point = this.points[this.at] as string;
    this.at += 1;
    switch (point) {
      case '^':
        return { kind: 'start', min: 0, max: 0 };
      case '$':
        return { kind: 'end', min: 0, max: 0 };
      case '.':
        return character(
          complement([
            [0x0a, 0x0a],
            [0x0d, 0x0d],
            [0x2028, 0x2029],
          ]),
        );
      case '(':
        return this.group();
      case '[':
        return this.set();
      case '\\':
        return this.escaped();
      case '*':
      case '+':
      case '?':
        throw new NotUnderstood();
      default:
        return character([rangeOf(point)]);
    }
  }

  private group(): PatternNode {
    if (this.take('?')) {
      if (this.take('<')) {
        const end = this.points.indexOf('>', this.at);
        const name = this.points.slice(this.at, Math.max(this.at, end)).join('');
        if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name)) throw new NotUnderstood();
        this.at = end + 1;
      } else if (!this.take(':')) throw new NotUnderstood();
    }
    this.depth += 1;
    if (this.depth > DEEPEST) throw new NotUnderstood();
    const node = this.choice();
    this.depth -= 1;
    if (!this.take(')')) throw new NotUnderstood();
    return node;
  }

  private escaped(): PatternNode {
    if (this.take('b')) return { kind: 'boundary', min: 0, max: 0 };
    if (this.take('B')) return { kind: 'inside', min: 0, max: 0 };
    return character(this.escape());
  }

  /** `[…]`, behind its first bracket. */
  private set(): PatternNode {
    const negated = this.take('^');
    const ranges: Range[] = [];
    while (!this.take(']')) {
      if (this.at >= this.points.length) throw new NotUnderstood();
      const from = this.member();
      const hyphen =
        this.next === '-' && this.points[this.at + 1] !== ']' && this.at + 1 < this.points.length;
      if (!hyphen || !single(from)) ranges.push(...from);
      else {
        this.at += 1;
        const to = this.member();
        if (!single(to)) ranges.push(...from, rangeOf('-'), ...to);
        else ranges.push([from[0][0], to[0][1]]);
      }
    }
    return character(negated ? complement(ranges) : ranges);
  }

  private member(): readonly Range[] {
    const point = this.points[this.at] as string;
    this.at += 1;
    if (point !== '\\') return [rangeOf(point)];
    return this.take('b') ? [[8, 8]] : this.escape();
  }

  /** Behind a backslash. */
  private escape(): readonly Range[] {
    const point = this.points[this.at];
    this.at += 1;
    if (point === undefined || /[1-9k]/.test(point)) throw new NotUnderstood();
    const known = CLASSES.get(point);
    if (known !== undefined) return known;
    const control = CONTROLS.get(point);
    if (control !== undefined) return [[control, control]];
    if (point === 'x') return this.code(2);
    if (point === 'u')
      return this.take('{') ? this.code(this.points.indexOf('}', this.at) - this.at, 1) : this.code(4);
    if (point === 'p' || point === 'P') return this.property(point === 'P');
    if (/[a-zA-Z]/.test(point)) throw new NotUnderstood();
    return [rangeOf(point)];
  }

  private code(digits: number, behind = 0): readonly Range[] {
    const text = this.points.slice(this.at, this.at + Math.max(0, digits)).join('');
    const value = Number.parseInt(text, 16);
    if (!/^[\da-f]{1,6}$/i.test(text) || value > LAST_CODE_POINT) throw new NotUnderstood();
    this.at += digits + behind;
    return [[value, value]];
  }

  private property(negated: boolean): readonly Range[] {
    const end = this.points.indexOf('}', this.at);
    const name = this.points.slice(this.at + 1, Math.max(this.at, end)).join('');
    const ranges = PROPERTIES.get(name.replace(/^(?:General_Category|gc)=/, ''));
    if (ranges === undefined || this.next !== '{') throw new NotUnderstood();
    this.at = end + 1;
    // What is beyond ASCII is not known here, so none of it is chosen.
    return negated ? complement([...ranges, [0x80, LAST_CODE_POINT]]) : ranges;
  }

  private get next(): string | undefined {
    return this.points[this.at];
  }

  private take(point: string): boolean {
    if (this.next !== point) return false;
    this.at += 1;
    return true;
  }
}

function single(ranges: readonly Range[]): ranges is readonly [Range] {
  return ranges.length === 1 && ranges[0]?.[0] === ranges[0]?.[1];
}

function rangeOf(point: string): Range {
  const code = point.codePointAt(0) as number;
  return [code, code];
}

function complement(ranges: readonly Range[]): Range[] {
  const others: Range[] = [];
  let from = 0;
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (first > from) others.push([from, first - 1]);
    from = Math.max(from, last + 1);
  }
  if (from <= LAST_CODE_POINT) others.push([from, LAST_CODE_POINT]);
  return others;
}

const READABLE = [/[a-z0-9]/, /[A-Z]/, /[!-~]/, / /];

/** One of some code points: those that are pleasant to read, where there are any. */
function character(ranges: readonly Range[]): PatternNode {
  const ascii = Array.from({ length: 95 }, (_, n) => 0x20 + n)
    .filter((code) => ranges.some(([from, to]) => code >= from && code <= to))
    .map((code) => String.fromCharCode(code));
  const readable = READABLE.map((kind) => ascii.filter((point) => kind.test(point))).find(
    (list) => list.length > 0,
  );
  const others = ranges
    .filter(([from, to]) => from <= to && (to < 0xd800 || from > 0xdfff))
    .map(([from]) => String.fromCodePoint(from));
  const picks = readable ?? others;
  if (picks.length === 0) throw new NotUnderstood();
  return { kind: 'character', picks, min: 1, max: 1 };
}

const DIGITS: readonly Range[] = [[0x30, 0x39]];
const UPPER: readonly Range[] = [[0x41, 0x5a]];
const LOWER: readonly Range[] = [[0x61, 0x7a]];
const LETTERS = [...UPPER, ...LOWER];
const WORD: readonly Range[] = [...DIGITS, ...LETTERS, [0x5f, 0x5f]];
const BLANKS: readonly Range[] = [
  [0x20, 0x20],
  [0x09, 0x0d],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

const CLASSES = new Map<string, readonly Range[]>([
  ['d', DIGITS],
  ['D', complement(DIGITS)],
  ['w', WORD],
  ['W', complement(WORD)],
  ['s', BLANKS],
  ['S', complement(BLANKS)],
]);
const CONTROLS = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['0', 0],
]);
/** Their members within ASCII. */
const PROPERTIES = new Map<string, readonly Range[]>([
  ...['L', 'Letter', 'Alphabetic', 'Alpha'].map((name) => [name, LETTERS] as const),
  ...['Lu', 'Uppercase_Letter', 'Uppercase'].map((name) => [name, UPPER] as const),
  ...['Ll', 'Lowercase_Letter', 'Lowercase'].map((name) => [name, LOWER] as const),
  ...['N', 'Number', 'Nd', 'Decimal_Number'].map((name) => [name, DIGITS] as const),
]);
