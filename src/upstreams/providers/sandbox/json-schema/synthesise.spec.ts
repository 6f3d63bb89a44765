import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { cpuMsOf } from '../../../../../test/support/thread-cpu.js';
import { SeededRandom, seedOf } from '../random.js';
import { synthesiseFromSchema } from './synthesise.js';

const NO_HINTS = { texts: [], numbers: [] };

function valueOf(schema: unknown, seed = 0): unknown {
  return synthesiseFromSchema(schema, new SeededRandom(seedOf(seed)), NO_HINTS);
}

/** What is wrong with the values that these seeds give; empty when nothing is. */
function faultsOf(schema: object, seeds: readonly number[]): unknown[] {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  return seeds.flatMap((seed) => {
    const value = valueOf(schema, seed);
    return validate(value) ? [] : [{ value, errors: validate.errors }];
  });
}

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed);

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 3, maxLength: 12 },
    age: { type: 'integer', minimum: 18, maximum: 99 },
    mood: { enum: ['glad', 'sad'] },
    email: { type: ['string', 'null'], format: 'email' },
  },
  required: ['name', 'age', 'mood', 'email'],
  additionalProperties: false,
};

const SATISFIABLE: Record<string, object> = {
  'every scalar type': {
    type: 'object',
    properties: {
      text: { type: 'string' },
      whole: { type: 'integer' },
      number: { type: 'number' },
      yes: { type: 'boolean' },
      nothing: { type: 'null' },
    },
    required: ['text', 'whole', 'number', 'yes', 'nothing'],
    additionalProperties: false,
  },
  'an object of constrained properties': person,
  'nested arrays and objects': {
    type: 'object',
    properties: { people: { type: 'array', items: person, minItems: 2, maxItems: 3 } },
    required: ['people'],
  },
  'const and enum of any type': {
    type: 'object',
    properties: { kind: { const: 'a' }, level: { enum: [1, 'two', null, { three: 3 }] } },
    required: ['kind', 'level'],
  },
  'numbers between bounds': {
    type: 'object',
    properties: {
      above: { type: 'number', exclusiveMinimum: 5 },
      below: { type: 'integer', exclusiveMaximum: -5 },
      narrow: { type: 'number', minimum: 0.25, exclusiveMaximum: 0.75 },
      tenths: { type: 'number', multipleOf: 0.1, minimum: 0.3 },
      sevens: { type: 'integer', multipleOf: 7, minimum: 100 },
      halves: { type: 'integer', multipleOf: 1.5, minimum: 1, maximum: 5 },
    },
    required: ['above', 'below', 'narrow', 'tenths', 'sevens', 'halves'],
  },
  'strings of code points': { type: 'string', minLength: 200, maxLength: 200 },
  'a record': { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 3 },
  'a property required without being declared': {
    type: 'object',
    required: ['extra'],
    additionalProperties: { type: 'boolean' },
  },
  'no more properties than allowed': {
    properties: { a: { type: 'string' }, b: { type: 'string' }, c: { type: 'string' } },
    required: ['c'],
    maxProperties: 2,
  },
  'unique items': {
    type: 'object',
    properties: {
      flags: { type: 'array', items: { type: 'boolean' }, minItems: 2, uniqueItems: true },
      names: { type: 'array', items: { type: 'string' }, minItems: 50, uniqueItems: true },
      numbers: { type: 'array', items: { type: 'integer' }, minItems: 150, uniqueItems: true },
      colours: { type: 'array', items: { enum: ['r', 'g', 'b'] }, minItems: 3, uniqueItems: true },
    },
    required: ['flags', 'names', 'numbers', 'colours'],
  },
  'a tuple': {
    type: 'array',
    prefixItems: [{ type: 'string' }, { type: 'integer' }],
    items: false,
    minItems: 2,
  },
  allOf: {
    allOf: [
      { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
      { properties: { a: { minimum: 1000 }, b: { type: 'string' } }, required: ['b'] },
    ],
  },
  'anyOf beside its own keywords': {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string' } },
    anyOf: [{ required: ['a'] }, { required: ['b'] }],
  },
  'oneOf that more than the required properties would break': {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string' } },
    oneOf: [{ required: ['a'] }, { required: ['b'] }],
  },
  'a tagged union': {
    type: 'object',
    properties: {
      shape: {
        oneOf: [
          {
            type: 'object',
            properties: { kind: { const: 'circle' }, r: { type: 'number' } },
            required: ['kind', 'r'],
          },
          {
            type: 'object',
            properties: { kind: { const: 'square' }, a: { type: 'number' } },
            required: ['kind', 'a'],
          },
        ],
      },
    },
    required: ['shape'],
  },
  'definitions behind escaped pointers': {
    $defs: { 'a/b': { type: 'integer', minimum: 7 }, 'c~d e': { type: 'string' } },
    type: 'object',
    properties: { first: { $ref: '#/$defs/a~1b' }, second: { $ref: '#/$defs/c~0d%20e' } },
    required: ['first', 'second'],
  },
  'a linked list': {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: {
          value: { type: 'integer' },
          next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
        },
        required: ['value', 'next'],
        additionalProperties: false,
      },
    },
  },
  'a tree of itself': {
    type: 'object',
    properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } },
    required: ['name', 'children'],
    additionalProperties: false,
  },
  'an expression whose operators recurse': {
    $ref: '#/$defs/expression',
    $defs: {
      expression: { anyOf: [{ $ref: '#/$defs/sum' }, { $ref: '#/$defs/literal' }] },
      sum: {
        type: 'object',
        properties: { left: { $ref: '#/$defs/expression' }, right: { $ref: '#/$defs/expression' } },
        required: ['left', 'right'],
        additionalProperties: false,
      },
      literal: { type: 'object', properties: { value: { type: 'number' } }, required: ['value'] },
    },
  },
  'an optional property that could never end': {
    $ref: '#/$defs/loop',
    $defs: {
      endless: { type: 'object', properties: { self: { $ref: '#/$defs/endless' } }, required: ['self'] },
      loop: { type: 'object', properties: { endless: { $ref: '#/$defs/endless' }, ok: { type: 'boolean' } } },
    },
  },
  'strings by pattern': {
    type: 'object',
    properties: {
      code: { type: 'string', pattern: '^[A-Z]{3}-\\d{4}$' },
      mail: { pattern: '^[^\\s@]+@[^\\s@]+\\.[a-z]{2,}$', format: 'email' },
      list: {
        type: 'array',
        minItems: 3,
        uniqueItems: true,
        items: { type: 'string', pattern: '^[a-z]{8}$' },
      },
    },
    required: ['code', 'mail', 'list'],
  },
  'multiples of two numbers': { type: 'integer', allOf: [{ multipleOf: 4 }, { multipleOf: 6 }], minimum: 1 },
  'an array that contains something': {
    type: 'array',
    items: { type: ['integer', 'string'] },
    contains: { type: 'integer', minimum: 5 },
    minContains: 2,
  },
  'properties that ask for others': {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string' }, c: { type: 'integer' } },
    required: ['a'],
    dependentRequired: { a: ['b'], b: ['c'], d: ['e'] },
    dependentSchemas: { b: { properties: { c: { minimum: 500 } } } },
  },
  'conditions on a kind': {
    type: 'object',
    properties: { kind: { enum: ['x', 'y'] }, size: { type: 'integer' } },
    required: ['kind'],
    allOf: ['x', 'y', 'z'].map((kind) => ({
      if: { properties: { kind: { const: kind } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { required: [`of_${kind}`] },
    })),
  },
  'a condition that cannot hold': {
    type: 'object',
    properties: { kind: { const: 'a' } },
    required: ['kind'],
    if: { properties: { kind: { const: 'b' } }, required: ['kind'] },
    else: { required: ['other'] },
  },
  'a property called __proto__': {
    type: 'object',
    properties: JSON.parse('{"__proto__":{"type":"integer"},"constructor":{"type":"string"}}') as object,
    required: ['__proto__', 'constructor'],
  },
};

describe('synthesiseFromSchema', () => {
  for (const [name, schema] of Object.entries(SATISFIABLE)) {
    it(`gives a valid value of ${name}, whatever the seed`, () => {
      expect(faultsOf(schema, SEEDS)).toEqual([]);
    });
  }

  it('gives a valid value of any schema made of these parts', () => {
    const { schema: anySchema } = fc.letrec<{ schema: object }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        scalarSchema(),
        fc
          .record({ items: tie('schema'), minItems: fc.nat(3), spare: fc.nat(3) })
          .map(({ items, minItems, spare }) => ({
            type: 'array',
            items,
            minItems,
            maxItems: minItems + spare,
          })),
        fc
          .record({
            properties: fc.dictionary(fc.string({ maxLength: 6 }), tie('schema'), { maxKeys: 4 }),
            demanded: fc.nat(4),
            additionalProperties: fc.boolean(),
          })
          .map(({ properties, demanded, additionalProperties }) => ({
            type: 'object',
            properties,
            required: Object.keys(properties).slice(0, demanded),
            additionalProperties,
          })),
        fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
        tie('schema').map((part) => ({ allOf: [part, {}] })),
      ),
    }));
    fc.assert(
      fc.property(anySchema, fc.nat(), (schema, seed) => expect(faultsOf(schema, [seed])).toEqual([])),
      { numRuns: 300 },
    );
  });

  it('is the same for the same seed, and not for every seed', () => {
    for (const seed of SEEDS) expect(valueOf(person, seed)).toEqual(valueOf(person, seed));
    expect(new Set(SEEDS.map((seed) => JSON.stringify(valueOf(person, seed)))).size).toBeGreaterThan(1);
  });

  it.each([
    ['date', /^\d{4}-\d{2}-\d{2}$/],
    ['time', /^\d{2}:\d{2}:\d{2}Z$/],
    ['date-time', /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/],
    ['email', /^[^@\s]+@[^@\s]+\.[a-z]+$/],
    ['uri', /^https:\/\/\S+$/],
    ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/],
    ['ipv4', /^(\d{1,3}\.){3}\d{1,3}$/],
  ])('writes format %s', (format, form) => {
    for (const seed of SEEDS) expect(valueOf({ type: 'string', format }, seed)).toMatch(form);
  });

  it('S49: never runs a pattern, and follows it', () => {
    const schema = { type: 'string', pattern: '^(a+)+$', minLength: 40 };
    expect(valueOf(schema)).toMatch(/^a{40,60}$/);
    for (const pattern of ['(', '(?=a)b', '(a)\\1']) {
      expect(valueOf({ type: 'string', pattern, minLength: 20 })).toHaveLength(20);
    }
  });

  it('fills in hints where they fit', () => {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', maximum: 10 } },
      required: ['city', 'days'],
    };
    const value = synthesiseFromSchema(schema, new SeededRandom(seedOf(1)), {
      texts: ['Oslo'],
      numbers: [40, 3],
    });
    expect(value).toEqual({ city: 'Oslo', days: 3 });
  });

  describe('against hostile schemas', () => {
    const big = 'x'.repeat(1_000_000);
    const HOSTILE: Record<string, unknown> = {
      'a reference to itself': { $ref: '#' },
      'a ring of references': {
        $ref: '#/$defs/a',
        $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } },
      },
      'an object that needs itself': { type: 'object', properties: { x: { $ref: '#' } }, required: ['x'] },
      'an array that needs many of itself': { type: 'array', items: { $ref: '#' }, minItems: 1_000 },
      'a billion items': { type: 'array', minItems: 1e9 },
      'a billion unique nothings': {
        type: 'array',
        items: { type: 'null' },
        minItems: 1e9,
        uniqueItems: true,
      },
      'a billion characters': { type: 'string', minLength: 1e9 },
      'a billion properties': { type: 'object', minProperties: 1e9 },
      'billions within billions': {
        type: 'array',
        minItems: 1e9,
        items: { type: 'array', minItems: 1e9, items: { type: 'string', minLength: 1e9 } },
      },
      '5,000 levels': nested(5_000),
      'an allOf bomb': {
        $ref: '#/$defs/d0',
        $defs: Object.fromEntries(
          Array.from({ length: 60 }, (_, n) => [
            `d${n}`,
            { allOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] },
          ]),
        ),
      },
      'an anyOf bomb': {
        $ref: '#/$defs/d0',
        $defs: Object.fromEntries(
          Array.from({ length: 60 }, (_, n) => {
            const next = {
              type: 'object',
              properties: { x: { $ref: `#/$defs/d${(n + 1) % 60}` } },
              required: ['x'],
            };
            return [`d${n}`, { anyOf: [next, { ...next }] }];
          }),
        ),
      },
      'wide recursion': {
        type: 'object',
        properties: Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`p${n}`, { $ref: '#' }])),
      },
      'large values many times': { type: 'array', minItems: 1e6, items: { enum: [big] } },
      'large values compared many times': {
        type: 'array',
        minItems: 1e6,
        items: { type: 'integer', allOf: [{ enum: [big, 1] }, { enum: [big, 1] }] },
      },
      'bounds that are no numbers': {
        type: 'number',
        minimum: Infinity,
        maximum: -Infinity,
        multipleOf: 1e-320,
      },
      'bounds at the ends of the range': {
        type: 'number',
        minimum: -1.7e308,
        maximum: 1.7e308,
        multipleOf: 3,
      },
      'nonsense in every place': {
        type: 5,
        properties: [],
        required: 'x',
        items: 7,
        enum: {},
        anyOf: 'no',
        minItems: -1,
        $ref: 3,
        format: 'constructor',
      },
    };
    for (const [name, schema] of Object.entries(HOSTILE)) {
      it(`stays small and quick for ${name}`, () => {
        for (const seed of [1, 2, 3]) {
          let chars = 0;
          const cpuMs = cpuMsOf(() => {
            chars = JSON.stringify(valueOf(schema, seed)).length;
          });
          expect(chars).toBeLessThan(400_000);
          // Typically milliseconds; the bound only tells bounded work from unbounded.
          expect(cpuMs).toBeLessThan(1_000);
        }
      });
    }
  });
});

function scalarSchema(): fc.Arbitrary<object> {
  return fc.oneof(
    fc.constantFrom(
      { type: 'string' },
      { type: 'boolean' },
      { type: 'null' },
      { type: ['integer', 'null'] },
      {},
    ),
    fc
      .tuple(fc.integer({ min: -1000, max: 1000 }), fc.nat(50))
      .map(([minimum, spare]) => ({ type: 'integer', minimum, maximum: minimum + spare })),
    fc
      .tuple(fc.nat(20), fc.nat(20))
      .map(([minLength, spare]) => ({ type: 'string', minLength, maxLength: minLength + spare })),
    fc
      .array(fc.jsonValue({ maxDepth: 1 }), { minLength: 1, maxLength: 4 })
      .map((values) => ({ enum: values })),
    fc
      .tuple(
        fc.constantFrom('^[a-z]+$', '^[A-Z]{2}(-[a-z0-9]+)*$', '[^\\s]', '^(x|\\d)*$'),
        fc.integer({ min: 2, max: 30 }),
      )
      .map(([pattern, minLength]) => ({ type: 'string', pattern, minLength, maxLength: minLength + 40 })),
    fc.jsonValue({ maxDepth: 1 }).map((value) => ({ const: value })),
    fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })).map(([first, second]) => ({
      type: 'integer',
      allOf: [{ multipleOf: first }, { multipleOf: second }],
    })),
    fc.nat(3).map((minContains) => ({
      type: 'array',
      items: { type: 'integer' },
      contains: { minimum: 7 },
      minContains,
      uniqueItems: true,
    })),
    fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }).map((required) => ({
      type: 'object',
      required: required.slice(0, 1),
      properties: { a: { type: 'string', pattern: '^a\\d$' }, b: { enum: [1, 2] } },
      dependentRequired: { a: required, b: ['d'] },
      if: { properties: { b: { const: 1 } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { required: ['e'] },
      else: { required: ['f'] },
    })),
  );
}

function nested(levels: number): object {
  let schema: object = {};
  for (let level = 0; level < levels; level += 1) {
    schema = { type: 'object', properties: { x: schema }, required: ['x'] };
  }
  return schema;
}
