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
  /** Patterns of a string, all of which hold. */
  readonly patterns: string[];
  /** A list of subschemas, each of which an item of an array must fit. */
  readonly contains: unknown[];
  /** More than what is required may break a rule that is not looked at (`oneOf`, `dependentRequired`, …). */
  onlyRequired: boolean;
  /** Names that are not declared may break a rule that is not looked at. */
  onlyDeclared: boolean;
}

/** How branches of `anyOf` and `oneOf` are chosen: at random, or the one that ends soonest. */
export type Preference = 'varied' | 'short';

export function flatten(
  schema: unknown,
  document: SchemaDocument,
  prefer: Preference,
  random: SeededRandom,
): FlatSchema {
  const flat = emptySchema();
  const reading: Reading = { document, prefer, random, seen: new Set(), conditions: [], dependents: [] };
  absorb(flat, schema, reading);
  absorbConditions(flat, reading);
  absorbDependents(flat, reading);
  return flat;
}

interface Reading {
  readonly document: SchemaDocument;
  readonly prefer: Preference;
  readonly random: SeededRandom;
  /** What has been taken in already: taking it in twice changes nothing, and loops of `$ref` end here. */
  readonly seen: Set<JsonObject>;
  /** Schemas with an `if`, to be looked at when all else is known. */
  readonly conditions: JsonObject[];
  /** What holds where a property of some name is there: names that are required then, or a schema. */
  readonly dependents: (readonly [name: string, then: unknown])[];
}

const MOST_PARTS = 500;
const MOST_PATTERNS = 4;
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
  if ('if' in schema) reading.conditions.push(schema);
  for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
    const dependents = schema[keyword];
    if (!isObject(dependents)) continue;
    const entries = Object.entries(dependents);
    if (document.spend(entries.length)) reading.dependents.push(...entries.slice(0, MOST_DEPENDENTS));
  }
}

const MOST_DEPENDENTS = 1_000;

/** Where the condition can hold beside all else, it is made to hold, and what follows from it. */
function absorbConditions(flat: FlatSchema, reading: Reading): void {
  for (let next = reading.conditions.shift(); next !== undefined; next = reading.conditions.shift()) {
    const { if: condition, then: consequence, else: otherwise } = next;
    if (mayHold(condition, flat, reading.document)) {
      absorb(flat, condition, reading);
      absorb(flat, consequence, reading);
    } else absorb(flat, otherwise, reading);
  }
}

/** Whether no property that the condition wants to be one of some values is known to be another. */
function mayHold(condition: unknown, flat: FlatSchema, document: SchemaDocument): boolean {
  if (!isObject(condition)) return condition !== false;
  if (!isObject(condition['properties'])) return true;
  return Object.entries(condition['properties']).every(([name, wanted]) => {
    const values = valuesOf(wanted);
    if (values === undefined) return true;
    return (flat.properties.get(name) ?? []).every((part) => {
      const known = valuesOf(part);
      if (known === undefined || !document.spend(known.length + values.length)) return true;
      const spelt = new Set(known.map((value) => JSON.stringify(value)));
      return values.some((value) => spelt.has(JSON.stringify(value)));
    });
  });
}

function valuesOf(schema: unknown): readonly unknown[] | undefined {
  if (!isObject(schema)) return undefined;
  if ('const' in schema) return [schema['const']];
  return Array.isArray(schema['enum']) ? schema['enum'] : undefined;
}

/** Each property that must be there may ask for others, and these for more. */
function absorbDependents(flat: FlatSchema, reading: Reading): void {
  const byName = new Map<string, unknown[]>();
  for (const [name, then] of reading.dependents) byName.set(name, [...(byName.get(name) ?? []), then]);
  if (byName.size === 0) return;
  // What is added to a set while it is gone through comes up, too.
  for (const name of flat.required) {
    for (const then of byName.get(name) ?? []) {
      if (!reading.document.spend(1)) return;
      if (!Array.isArray(then)) absorb(flat, then, reading);
      else for (const other of then) if (typeof other === 'string') flat.required.add(other);
    }
  }
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
  if (typeof step === 'number' && step > 0) flat.multipleOf = commonMultiple(flat.multipleOf, step);
  if (typeof schema['format'] === 'string') flat.format = schema['format'];
  if (typeof schema['pattern'] === 'string' && flat.patterns.length < MOST_PATTERNS)
    flat.patterns.push(schema['pattern']);
  if ('contains' in schema && schema['minContains'] !== 0) {
    const least = Math.min(countOf(schema['minContains']) ?? 1, MOST_PARTS);
    flat.contains.push(...Array.from({ length: least }, () => schema['contains']));
    flat.minItems = Math.max(flat.minItems, least);
  }
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

/** The least that both divide, for whole numbers; else the greater one. */
function commonMultiple(known: number | undefined, step: number): number {
  if (known === undefined) return step;
  if (!Number.isSafeInteger(known) || !Number.isSafeInteger(step)) return Math.max(known, step);
  let [greater, less] = [known, step];
  while (less > 0) [greater, less] = [less, greater % less];
  const multiple = (known / greater) * step;
  return Number.isSafeInteger(multiple) ? multiple : Math.max(known, step);
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
    patterns: [],
    contains: [],
    onlyRequired: false,
    onlyDeclared: false,
  };
}
