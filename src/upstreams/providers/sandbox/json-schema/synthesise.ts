import type { SeededRandom } from '../random.js';
import { flatten, type FlatSchema, type JsonType } from './flat-schema.js';
import { fitsNumber, numberFor } from './number-value.js';
import { Patterns } from './pattern-value.js';
import { SchemaDocument } from './schema-document.js';
import { stringFor } from './string-value.js';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** Words and numbers to fill in where they fit, each used once, in order. */
export interface ValueHints {
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
}

/** Until this depth a value shows what the schema allows, below it only what the schema demands. */
const SHOW_DEPTH = 4;
const DEEPEST = 32;
const MOST_VALUES = 4_000;
const MOST_CHARS = 64_000;

/**
 * A value that is valid against a JSON Schema (draft-07 and 2020-12), without ever running what the schema's author
 * wrote: a string is made up along its `pattern`, which is never compiled, and a pattern that is not understood is as
 * good as none. Remote references, `not` and the schemas of `patternProperties` are not looked at. Time and size are bounded whatever the schema asks for, so a value that would have to be
 * deeper than 32 levels or larger than 4,000 parts or 64,000 characters is cut short and then not valid.
 */
export function synthesiseFromSchema(schema: unknown, random: SeededRandom, hints: ValueHints): JsonValue {
  return new Synthesis(new SchemaDocument(schema), random, hints).valueOf(schema, 0, 'value');
}

class Synthesis {
  private valuesLeft = MOST_VALUES;
  private charsLeft = MOST_CHARS;
  private readonly patterns = new Patterns();
  private readonly texts: string[];
  private readonly numbers: number[];

  constructor(
    private readonly document: SchemaDocument,
    private readonly random: SeededRandom,
    hints: ValueHints,
  ) {
    this.texts = [...hints.texts];
    this.numbers = [...hints.numbers];
  }

  /** @param ordinal tells apart values that must be unique; undefined: they need not be */
  valueOf(schema: unknown, depth: number, name: string, ordinal?: number): JsonValue {
    this.valuesLeft -= 1;
    if (this.exhausted || depth > DEEPEST) return null;
    const prefer = depth < SHOW_DEPTH ? 'varied' : 'short';
    const flat = flatten(schema, this.document, prefer, this.random);
    if (flat.allowed !== undefined) return this.allowedValue(flat, flat.allowed, ordinal);
    switch (this.typeOf(flat, depth)) {
      case 'null':
        return null;
      case 'boolean':
        return ordinal === undefined ? this.random.below(2) === 1 : ordinal % 2 === 1;
      case 'integer':
        return this.numberOf(flat, true, ordinal);
      case 'number':
        return this.numberOf(flat, false, ordinal);
      case 'string':
        return this.stringOf(flat, name, ordinal);
      case 'array':
        return this.arrayOf(flat, depth, name);
      case 'object':
        return this.objectOf(flat, depth);
    }
  }

  private get exhausted(): boolean {
    return this.valuesLeft <= 0 || this.charsLeft <= 0 || !this.document.spend(0);
  }

  private typeOf(flat: FlatSchema, depth: number): JsonType {
    const types = (flat.types ?? impliedTypes(flat)).filter((type) => BY_WEIGHT.includes(type));
    if (depth >= SHOW_DEPTH) return BY_WEIGHT.find((type) => types.includes(type)) ?? 'null';
    const telling = types.filter((type) => type !== 'null');
    return telling.length > 0 ? this.random.pick(telling) : 'null';
  }

  private allowedValue(
    flat: FlatSchema,
    allowed: readonly unknown[],
    ordinal: number | undefined,
  ): JsonValue {
    const fitting =
      flat.types === undefined ? allowed : allowed.filter((value) => hasType(value, flat.types));
    this.document.spend(allowed.length / 10);
    if (fitting.length === 0) return null;
    const index = ordinal === undefined ? this.random.below(fitting.length) : ordinal % fitting.length;
    // Out of a request's JSON body, so it is JSON.
    const value = fitting[index] as JsonValue;
    this.charsLeft -= JSON.stringify(value).length;
    return this.charsLeft >= 0 ? value : null;
  }

  private numberOf(flat: FlatSchema, integer: boolean, ordinal: number | undefined): number {
    const hinted = this.numbers.findIndex((value) => fitsNumber(value, integer, flat));
    if (hinted >= 0 && ordinal === undefined) return this.numbers.splice(hinted, 1)[0] as number;
    return numberFor(ordinal ?? this.random.below(50), integer, flat);
  }

  private stringOf(flat: FlatSchema, name: string, ordinal: number | undefined): string {
    // Following a pattern takes as long as it is, at the least.
    for (const pattern of flat.patterns) this.document.spend(pattern.length / 5);
    const free = flat.format === undefined && flat.patterns.length === 0;
    const hint = free ? this.texts.shift() : undefined;
    const words = hint ?? `${this.random.pick(ADJECTIVES)} ${name.slice(0, 40)}`;
    const plain = ordinal === undefined ? words : `${ordinal} ${words}`;
    const text = stringFor(plain, flat, this.charsLeft, this.random, this.patterns);
    this.charsLeft -= text.length;
    return text;
  }

  private arrayOf(flat: FlatSchema, depth: number, name: string): JsonValue[] {
    const { prefixItems, items, minItems } = flat;
    const most = items === false ? Math.min(flat.maxItems, prefixItems.length) : flat.maxItems;
    const endless = this.document.height(items) === Infinity;
    const shown = depth < SHOW_DEPTH && !endless ? Math.max(prefixItems.length, 1 + this.random.below(2)) : 0;
    const contained = flat.contains.length === 0 ? 0 : prefixItems.length + flat.contains.length;
    const wanted = Math.min(most, Math.max(minItems, shown, contained));
    const values: JsonValue[] = [];
    const spelt = new Set<string>();
    for (let tried = 0; values.length < wanted && tried < wanted * 3 && !this.exhausted; tried += 1) {
      const schema = this.itemSchema(flat, values.length);
      const value = this.valueOf(schema, depth + 1, name, flat.uniqueItems ? tried : undefined);
      if (flat.uniqueItems && spelt.size === spelt.add(JSON.stringify(value)).size) continue;
      values.push(value);
    }
    return values;
  }

  /** Of the items behind those that have a place of their own, the first are those that an array must contain. */
  private itemSchema({ prefixItems, items, contains }: FlatSchema, position: number): unknown {
    if (position < prefixItems.length) return prefixItems[position];
    const wanted = contains[position - prefixItems.length];
    if (wanted === undefined) return items;
    return items === undefined ? wanted : { allOf: [items, wanted] };
  }

  private objectOf(flat: FlatSchema, depth: number): { [name: string]: JsonValue } {
    const entries = new Map<string, JsonValue>();
    for (const [name, parts] of this.chooseProperties(flat, depth)) {
      if (this.exhausted) break;
      this.charsLeft -= name.length;
      entries.set(name, this.valueOf(parts.length === 1 ? parts[0] : { allOf: parts }, depth + 1, name));
    }
    // Not by assignment: a property may be called __proto__.
    return Object.fromEntries(entries);
  }

  /** Names with their subschemas: first as declared, then what is required without being declared, then fillers. */
  private chooseProperties(flat: FlatSchema, depth: number): Map<string, unknown[]> {
    const { properties, required, additionalProperties: additional } = flat;
    const optional = [...properties.keys()].filter((name) => !required.has(name));
    const showing = depth < SHOW_DEPTH && !flat.onlyRequired;
    const wanted = new Set(required);
    for (const name of optional) {
      if (wanted.size >= flat.maxProperties) break;
      const needed = wanted.size < flat.minProperties;
      if (!needed && (!showing || (depth > 1 && this.random.below(2) === 0))) continue;
      if (properties.get(name)?.some((part) => part === false || this.document.height(part) === Infinity))
        continue;
      wanted.add(name);
    }
    const chosen = new Map([...properties].filter(([name]) => wanted.has(name)));
    for (const name of required) if (!chosen.has(name)) chosen.set(name, [additional]);

    const exemplary = properties.size === 0 && showing && typeof additional === 'object';
    const fillers = Math.max(flat.minProperties, Math.min(exemplary ? 1 : 0, flat.maxProperties));
    if (additional !== false && !(flat.onlyDeclared && fillers > flat.minProperties)) {
      for (let number = 1; chosen.size < Math.min(fillers, MOST_VALUES); number += 1) {
        if (!properties.has(`item${number}`)) chosen.set(`item${number}`, [additional]);
      }
    }
    return chosen;
  }
}

/** Lightest first. */
const BY_WEIGHT: readonly JsonType[] = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

const ADJECTIVES = [
  'sample',
  'quiet',
  'amber',
  'early',
  'plain',
  'sunny',
  'little',
  'brisk',
  'northern',
  'green',
];

/** What a schema without `type` is about, by the keywords that it uses. */
function impliedTypes(flat: FlatSchema): JsonType[] {
  const { properties, required, minProperties, additionalProperties } = flat;
  if (properties.size > 0 || required.size > 0 || minProperties > 0 || additionalProperties !== undefined) {
    return ['object'];
  }
  if (flat.items !== undefined || flat.prefixItems.length > 0 || flat.minItems > 0) return ['array'];
  if (flat.patterns.length > 0) return ['string'];
  const bounds = [flat.minimum, flat.exclusiveMinimum, flat.maximum, flat.exclusiveMaximum];
  return bounds.some(Number.isFinite) || flat.multipleOf !== undefined ? ['number'] : ['string'];
}

function hasType(value: unknown, types: readonly JsonType[] | undefined): boolean {
  return (
    types?.some((type) => {
      if (type === 'null') return value === null;
      if (type === 'array') return Array.isArray(value);
      if (type === 'integer') return Number.isInteger(value);
      if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
      return typeof value === type;
    }) ?? true
  );
}
