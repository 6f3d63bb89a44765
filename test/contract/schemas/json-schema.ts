import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from '@jest/globals';

/** JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** An object of exactly these keys; those in `optional` may be left out, and no other may be there. */
export function closed(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((key) => !optional.includes(key));
  return { type: 'object', properties, required, additionalProperties: false };
}

export function listOf(items: JsonSchema, minItems = 0): JsonSchema {
  return { type: 'array', items, minItems };
}

export function orNull(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: 'null' }] };
}

export const TEXT: JsonSchema = { type: 'string' };
export const SOME_TEXT: JsonSchema = { type: 'string', minLength: 1 };
export const NULL: JsonSchema = { type: 'null' };
/** Tokens, positions. */
export const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
export const NUMBER: JsonSchema = { type: 'number' };
/** Unix seconds, not milliseconds. */
export const UNIX_SECONDS: JsonSchema = { type: 'integer', minimum: 1_700_000_000, maximum: 9_999_999_999 };
/** Text that is itself JSON. */
export const JSON_TEXT: JsonSchema = { type: 'string', format: 'json' };

const ajv = new Ajv2020({ allErrors: true, strict: true, strictTuples: false, allowUnionTypes: true });
ajv.addFormat('json', isJson);
ajv.addFormat('uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

const compiled = new WeakMap<JsonSchema, ValidateFunction>();

/** Fails with every fault that the schema finds, and the value. */
export function expectToMatchSchema(value: unknown, schema: JsonSchema): void {
  const validate = validatorOf(schema);
  validate(value);
  const faults = (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  );
  expect({ faults, value }).toEqual({ faults: [], value });
}

export function matchesSchema(value: unknown, schema: JsonSchema): boolean {
  return validatorOf(schema)(value);
}

function validatorOf(schema: JsonSchema): ValidateFunction {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = ajv.compile(schema)));
  return validate;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
