import type { WireSurface } from '../../support/wire-surfaces.js';
import { closed, type JsonSchema, listOf, SOME_TEXT } from './json-schema.js';

type Dialect = WireSurface['name'];

export interface ErrorFacts {
  readonly type: string;
  readonly param?: string | null;
  readonly code?: string | null;
}

/** The object that every client reads: exactly these four keys. */
function errorObject({ type, param = null, code = null }: ErrorFacts): JsonSchema {
  return closed({
    message: SOME_TEXT,
    type: { const: type },
    param: { const: param },
    code: { const: code },
  });
}

/** A failure's body: Waterflai's description and FastAPI put the message into `detail`; Q has none. */
export function errorSchema(dialect: Dialect, facts: ErrorFacts): JsonSchema {
  return closed({ error: errorObject(facts), ...(dialect !== 'Q' && { detail: SOME_TEXT }) });
}

/** LightningRod's HTTPValidationError, `input` always and `ctx` where pydantic has one, beside the error object. */
export function validationErrorSchema(facts: ErrorFacts): JsonSchema {
  const item = closed(
    {
      type: { enum: PYDANTIC_TYPES },
      loc: {
        type: 'array',
        prefixItems: [{ const: 'body' }],
        items: { type: ['string', 'integer'] },
        minItems: 1,
      },
      msg: SOME_TEXT,
      input: {},
      ctx: { type: 'object' },
    },
    ['ctx'],
  );
  return closed({ error: errorObject(facts), detail: listOf(item, 1) });
}

/** @see https://docs.pydantic.dev/2.13/errors/validation_errors/ */
const PYDANTIC_TYPES = [
  'missing',
  'json_invalid',
  'model_attributes_type',
  'string_type',
  'float_type',
  'int_type',
  'int_from_float',
  'bool_type',
  'list_type',
  'dict_type',
  'finite_number',
  'less_than_equal',
  'greater_than_equal',
  'too_short',
  'too_long',
  'string_too_short',
  'string_too_long',
  'string_pattern_mismatch',
  'literal_error',
  'value_error',
];

/** The event that ends a broken stream: the same on every surface, and no `choices`. */
export const STREAM_ERROR: JsonSchema = closed({
  error: closed({
    message: SOME_TEXT,
    type: { const: 'server_error' },
    param: { type: 'null' },
    code: { enum: ['upstream_error', 'timeout'] },
  }),
  detail: SOME_TEXT,
});
