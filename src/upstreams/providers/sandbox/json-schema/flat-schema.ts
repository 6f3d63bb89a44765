import type { SeededRandom } from '../random.js';
import {
  CHARS_A_STEP,
  countOf,
  isObject,
  listOf,
  type JsonObject,
  type SchemaDocument,
} from './schema-document.js';

export type JsonType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

/** One subschema with its references followed, its branches chosen, and everything that must hold put together. */
export interface FlatSchema {
  /** Undefined: not said. */
  types: readonly JsonType[] | undefined;
  /** From `const` and `enum`; undefined: anything. */
  allowed: readonly unknown[] | undefined;
  /** A list of subschemas a property, all of which hold. */
  readonly properties: Map<string, unknown[]>;
  readonly required: Set<string>;
  /** Undefined: not said. */
  additionalProperties: unknown;
  readonly prefixItems: unknown[];
  items: unknown;
  minimum: number;
  exclusiveMinimum: number;
  maximum: number;
  exclusiveMaximum: number;
  multipleOf: number | undefined;
  minLength: number;
  maxLength: number;
  minItems: number;
  maxItems: number;
  minProperties: number;
  maxProperties: number;
  uniqueItems: boolean;
  format: string | undefined;
  /** More than what is required may break a rule that is not looked at (`oneOf`, `dependentRequired`, …). */
  onlyRequired: boolean;
  /** Names that are not declared may break a rule that is not looked at. */
  onlyDeclared: boolean;
}

/** How branches of `anyOf` and `oneOf` are chosen: at random, or the one that ends soonest. */
export type Preference = 'varied' | 'short';

/** `pattern` is not read: a stranger's regular expression is never compiled. */
export function flatten(
  schema: unknown,
  document: SchemaDocument,
  prefer: Preference,
  random: SeededRandom,
): FlatSchema {
  const flat = emptySchema();
  absorb(flat, schema, { document, prefer, random, seen: new Set() });
  return flat;
}

interface Reading {
  readonly document: SchemaDocument;
  readonly prefer: Preference;
  readonly random: SeededRandom;
  /** What has been taken in already: taking it in twice changes nothing, and loops of `$ref` end here. */
  readonly seen: Set<JsonObject>;
}

const MOST_PARTS = 500;
const CONDITIONS = ['dependentRequired', 'dependentSchemas', 'dependencies', 'if', 'not'];

function absorb(flat: FlatSchema, schema: unknown, reading: Reading): void {
  const { seen, document } = reading;
  if (!isObject(schema) || seen.has(schema) || seen.size >= MOST_PARTS || !document.spend(1)) return;
  seen.add(schema);
  if ('$ref' in schema) absorb(flat, document.resolve(schema), reading);
  for (const part of listOf(schema['allOf'])) absorb(flat, part, reading);
  for (const keyword of ['anyOf', 'oneOf']) {
    const branches = listOf(schema[keyword]);
    if (branches.length === 0 || !document.spend(branches.length)) continue;
    absorb(flat, chooseBranch(branches, reading), reading);
    if (keyword === 'oneOf') flat.onlyRequired = true;
  }
  absorbOwn(flat, schema, document);
}

function chooseBranch(branches: readonly unknown[], { document, prefer, random }: Reading): unknown {
  const heights = branches.map((branch) => document.height(branch));
  if (prefer === 'varied') {
    const finite = branches.filter((_, index) => heights[index] !== Infinity);
    const telling = finite.filter((branch) => !isObject(branch) || branch['type'] !== 'null');
    if (telling.length > 0) return random.pick(telling);
  }
  let lowest = 0;
  heights.forEach((height, index) => {
    if (height < (heights[lowest] as number)) lowest = index;
  });
  return branches[lowest];
}

function absorbOwn(flat: FlatSchema, schema: JsonObject, document: SchemaDocument): void {
  absorbTypes(flat, schema, document);
  absorbObjectRules(flat, schema, document);
  const tuple = Array.isArray(schema['items']) ? schema['items'] : listOf(schema['prefixItems']);
  if (tuple.length > flat.prefixItems.length)
    flat.prefixItems.splice(0, Infinity, ...tuple.slice(0, MOST_PARTS));
  if ('items' in schema && !Array.isArray(schema['items'])) flat.items = both(flat.items, schema['items']);
  if (schema['uniqueItems'] === true) flat.uniqueItems = true;

  for (const keyword of ['minimum', 'exclusiveMinimum'] as const) {
    const bound = schema[keyword];
    if (typeof bound === 'number') flat[keyword] = Math.max(flat[keyword], bound);
  }
  for (const keyword of ['maximum', 'exclusiveMaximum'] as const) {
    const bound = schema[keyword];
    if (typeof bound === 'number') flat[keyword] = Math.min(flat[keyword], bound);
  }
  for (const keyword of ['minLength', 'minItems', 'minProperties'] as const) {
    flat[keyword] = Math.max(flat[keyword], countOf(schema[keyword]) ?? 0);
  }
  for (const keyword of ['maxLength', 'maxItems', 'maxProperties'] as const) {
    flat[keyword] = Math.min(flat[keyword], countOf(schema[keyword]) ?? Infinity);
  }
  const step = schema['multipleOf'];
  if (typeof step === 'number' && step > 0) flat.multipleOf = Math.max(flat.multipleOf ?? 0, step);
  if (typeof schema['format'] === 'string') flat.format = schema['format'];
}

function absorbTypes(flat: FlatSchema, schema: JsonObject, document: SchemaDocument): void {
  const types = typeof schema['type'] === 'string' ? [schema['type']] : listOf(schema['type']);
  if (types.length > 0) flat.types = narrowTypes(flat.types, types as JsonType[]);
  if ('const' in schema) flat.allowed = narrowValues(flat.allowed, [schema['const']], document);
  if (Array.isArray(schema['enum'])) flat.allowed = narrowValues(flat.allowed, schema['enum'], document);
}

function absorbObjectRules(flat: FlatSchema, schema: JsonObject, document: SchemaDocument): void {
  if (isObject(schema['properties'])) {
    const declared = Object.entries(schema['properties']);
    document.spend(declared.length);
    for (const [name, property] of declared) {
      flat.properties.set(name, [...(flat.properties.get(name) ?? []), property]);
    }
  }
  const required = listOf(schema['required']);
  document.spend(required.length);
  for (const name of required) if (typeof name === 'string') flat.required.add(name);
  if ('additionalProperties' in schema) {
    flat.additionalProperties = both(flat.additionalProperties, schema['additionalProperties']);
  }
  if ('patternProperties' in schema || 'propertyNames' in schema) flat.onlyDeclared = true;
  if (CONDITIONS.some((keyword) => keyword in schema)) flat.onlyRequired = true;
}

/** A schema for what both schemas allow; undefined and true allow everything, false nothing. */
function both(first: unknown, second: unknown): unknown {
  if (first === undefined || first === true || second === false) return second;
  return second === true || first === false ? first : { allOf: [first, second] };
}

function narrowTypes(
  known: readonly JsonType[] | undefined,
  types: readonly JsonType[],
): readonly JsonType[] {
  if (known === undefined) return types;
  const common = known.flatMap((type) => {
    if (types.includes(type)) return [type];
    if (type === 'number' && types.includes('integer')) return ['integer' as const];
    return type === 'integer' && types.includes('number') ? [type] : [];
  });
  return common.length > 0 ? common : known;
}

function narrowValues(
  known: readonly unknown[] | undefined,
  values: readonly unknown[],
  document: SchemaDocument,
): readonly unknown[] {
  if (known === undefined) return values;
  const spelt = new Set(values.map((value) => JSON.stringify(value)));
  const common = known.filter((value) => spelt.has(JSON.stringify(value)));
  const chars = [...spelt].reduce((sum, text) => sum + text.length, 0);
  document.spend(known.length + values.length + (2 * chars) / CHARS_A_STEP);
  return common.length > 0 ? common : known;
}

function emptySchema(): FlatSchema {
  return {
    types: undefined,
    allowed: undefined,
    properties: new Map(),
    required: new Set(),
    additionalProperties: undefined,
    prefixItems: [],
    items: undefined,
    minimum: -Infinity,
    exclusiveMinimum: -Infinity,
    maximum: Infinity,
    exclusiveMaximum: Infinity,
    multipleOf: undefined,
    minLength: 0,
    maxLength: Infinity,
    minItems: 0,
    maxItems: Infinity,
    minProperties: 0,
    maxProperties: Infinity,
    uniqueItems: false,
    format: undefined,
    onlyRequired: false,
    onlyDeclared: false,
  };
}
