/** Schemas of some 100 KB that are dear to read, by what is in them; each fits into the sandbox's context eight times. */
export function hostileSchemas(chars = 30_000): Record<string, Record<string, unknown>> {
  const few = Math.round(chars / 60);
  const many = Math.round(chars / 12);
  const longName = 'n'.repeat(chars / 4);
  return {
    'many properties': {
      type: 'object',
      properties: wide(many, () => ({})),
      required: list(many, (n) => `p${n}`),
    },
    'many properties that are it again': { type: 'object', properties: wide(few, () => ({ $ref: '#' })) },
    'many branches': { anyOf: list(many, () => ({ $ref: '#' })) },
    'many branches, each with all': {
      $defs: wide(50, () => ({
        anyOf: list(few / 50, (n) => ({
          type: 'object',
          properties: { x: { $ref: `#/$defs/p${n}` } },
          required: ['x'],
        })),
      })),
      $ref: '#/$defs/p0',
    },
    'many parts': { allOf: list(many, (n) => ({ minLength: n })) },
    'many values': { type: 'array', minItems: 4_000, items: { enum: list(many, (n) => n) } },
    'many values twice': {
      type: 'array',
      minItems: 4_000,
      items: { allOf: [{ enum: list(many / 2, (n) => n) }, { enum: list(many / 2, (n) => n) }] },
    },
    'references by long names': {
      $defs: { [longName]: { anyOf: list(3, () => ({ $ref: `#/$defs/${longName}` })) } },
      type: 'array',
      minItems: 4_000,
      items: { $ref: `#/$defs/${longName}` },
    },
    'references of many steps': {
      type: 'array',
      minItems: 4_000,
      items: { anyOf: list(3, () => ({ $ref: `#${'/items/anyOf/0'.repeat(chars / 60)}` })) },
    },
    'long words of unique items': {
      type: 'array',
      minItems: 4_000,
      uniqueItems: true,
      items: { type: 'array', minItems: 20, uniqueItems: true, items: { type: 'string', minLength: 100 } },
    },
    'a pattern of many choices': {
      type: 'array',
      minItems: 4_000,
      items: { type: 'string', pattern: `^(${list(many, (n) => `a${n}`).join('|')})$` },
    },
    'a pattern that repeats repetitions': {
      type: 'array',
      minItems: 4_000,
      items: { type: 'string', pattern: `^${'('.repeat(100)}a${'{9}){9}'.repeat(50)}${')'.repeat(50)}$` },
    },
    'a long pattern': {
      type: 'array',
      minItems: 4_000,
      items: { type: 'string', pattern: '[a-z]+\\d*'.repeat(chars / 12) },
    },
    'a deep pattern': { type: 'string', pattern: '('.repeat(chars / 2) + ')'.repeat(chars / 2) },
    'many names by pattern': {
      type: 'object',
      minProperties: 1_000,
      patternProperties: Object.fromEntries(list(few, (n) => [`^x${n}[a-z]+$`, {}] as const)),
      additionalProperties: false,
    },
    'many conditions': {
      type: 'object',
      properties: { kind: { enum: list(20, (n) => n) } },
      allOf: list(few / 2, (n) => ({
        if: { properties: { kind: { const: n } } },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: { required: [`r${n}`] },
        else: { required: [`e${n}`] },
      })),
    },
    'many that depend on another': {
      type: 'object',
      required: ['p0'],
      dependentRequired: wide(few, (n) => [`p${n + 1}`]),
    },
  };
}

function wide(count: number, of: (n: number) => unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, of(n)]));
}

function list<T>(count: number, of: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => of(n));
}
