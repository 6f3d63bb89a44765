export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.floor(value) : undefined;
}

const SCALARS = ['null', 'boolean', 'integer', 'number', 'string'];
const MOST_STEPS = 12_000;
const MOST_VISITS = 5_000;
const DEEPEST = 200;
/** Characters that are read in the time that a step takes. */
export const CHARS_A_STEP = 100;

/**
 * A JSON Schema that a stranger wrote: finds what `$ref` means inside it (nothing is ever fetched) and how deep a value
 * of a subschema must at least be. All reading of one document shares a fixed allowance of steps, so that its size and its
 * loops cannot buy much time.
 */
export class SchemaDocument {
  private readonly heights = new WeakMap<JsonObject, number>();
  /** What the reference of each subschema means: a long one is followed once. */
  private readonly targets = new WeakMap<JsonObject, unknown>();
  private stepsLeft = MOST_STEPS;
  private visitsLeft = MOST_VISITS;

  constructor(private readonly root: unknown) {}

  /** Takes `steps` out of the allowance; false once it is used up. */
  spend(steps: number): boolean {
    this.stepsLeft -= steps;
    return this.stepsLeft > 0;
  }

  /** What the `$ref` of a schema means: the subschema at `#`, `#/$defs/x`, …; undefined for anything else. */
  resolve(schema: JsonObject): unknown {
    const ref = schema['$ref'];
    if (typeof ref !== 'string' || !ref.startsWith('#')) return undefined;
    if (!this.targets.has(schema)) this.targets.set(schema, this.follow(ref));
    return this.targets.get(schema);
  }

  private follow(ref: string): unknown {
    this.spend(1 + ref.length / CHARS_A_STEP);
    let target: unknown = this.root;
    for (const step of ref.slice(1).split('/').slice(1)) {
      const key = unescapePointer(step);
      if (typeof target !== 'object' || target === null || !Object.hasOwn(target, key)) return undefined;
      target = (target as JsonObject)[key];
    }
    return target;
  }

  /**
   * Levels of objects and arrays that every value of `schema` has: 0 for a scalar or something that may be empty,
   * Infinity where the schema asks for itself without end (or the allowance is used up).
   */
  height(schema: unknown, path: Set<JsonObject> = new Set()): number {
    if (!isObject(schema) || 'const' in schema || 'enum' in schema) return 0;
    const known = this.heights.get(schema);
    if (known !== undefined) return known;
    if (path.has(schema) || path.size > DEEPEST || this.visitsLeft <= 0) return Infinity;
    this.visitsLeft -= 1;
    path.add(schema);
    const heightOf = (part: unknown) => this.height(part, path);
    for (const keyword of ['allOf', 'anyOf', 'oneOf']) this.visitsLeft -= listOf(schema[keyword]).length / 10;
    const height = Math.max(
      '$ref' in schema ? heightOf(this.resolve(schema)) : 0,
      greatest(listOf(schema['allOf']).map(heightOf)),
      least(listOf(schema['anyOf']).map(heightOf)),
      least(listOf(schema['oneOf']).map(heightOf)),
      this.ownHeight(schema, heightOf),
    );
    path.delete(schema);
    // Further in, an infinite height may only mean that the way there came through the schema itself.
    if (height !== Infinity || path.size === 0) this.heights.set(schema, height);
    return height;
  }

  private ownHeight(schema: JsonObject, heightOf: (part: unknown) => number): number {
    const types = typeof schema['type'] === 'string' ? [schema['type']] : listOf(schema['type']);
    if (types.some((type) => SCALARS.includes(type as string))) return 0;
    const object = () => {
      const properties = isObject(schema['properties']) ? schema['properties'] : {};
      const needed = listOf(schema['required']).map((name) =>
        Object.hasOwn(properties, name as string)
          ? properties[name as string]
          : schema['additionalProperties'],
      );
      this.visitsLeft -= needed.length / 10;
      return needed.length === 0 ? 0 : 1 + greatest(needed.map(heightOf));
    };
    const array = () => {
      const minItems = countOf(schema['minItems']) ?? 0;
      if (minItems === 0) return 0;
      const first = Array.isArray(schema['items']) ? schema['items'] : listOf(schema['prefixItems']);
      const rest = minItems > first.length && !Array.isArray(schema['items']) ? [schema['items']] : [];
      return 1 + greatest([...first.slice(0, minItems), ...rest].map(heightOf));
    };
    if (types.length === 0) return Math.max(object(), array());
    return least([
      ...(types.includes('object') ? [object()] : []),
      ...(types.includes('array') ? [array()] : []),
    ]);
  }
}

function greatest(heights: readonly number[]): number {
  return heights.reduce((most, height) => Math.max(most, height), 0);
}

function least(heights: readonly number[]): number {
  return heights.length === 0 ? 0 : heights.reduce((fewest, height) => Math.min(fewest, height), Infinity);
}

function unescapePointer(step: string): string {
  let decoded = step;
  try {
    decoded = decodeURIComponent(step);
  } catch {
    // Not percent-encoded, then: a bare % is legal in a property name.
  }
  return decoded.replaceAll('~1', '/').replaceAll('~0', '~');
}
