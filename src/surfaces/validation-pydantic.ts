import { formatPath, type ExpectedType, type Issue } from '../contracts/validation/issue.js';
import type { Place } from '../contracts/validation/rule.js';
import { bounded } from './validation-echo.js';
import type { OpenAiFault } from './validation-openai.js';

/** One entry of a FastAPI 422's `detail`. */
export interface PydanticDetail {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/**
 * How FastAPI refuses a request: every failing field, as pydantic tells it. Types and texts are those of pydantic in
 * strict mode, because nothing is coerced here; a number with a fraction for an integer keeps the lax mode's clearer
 * `int_from_float`.
 *
 * @returns entries in the order of the issues; a failed union gives one per arm. `input` is what was sent, cut when large
 * @see https://docs.pydantic.dev/2.13/errors/validation_errors/, run 2026-11-22
 */
export function toPydanticDetail(
  issues: readonly Issue[],
  body: unknown,
  place: Place = 'body',
): PydanticDetail[] {
  return issues.flatMap((issue) =>
    sayings(issue, body).map(({ loc = [], ...said }) => ({
      type: said.type,
      loc: [place, ...(issue.loc ?? issue.path), ...loc],
      msg: said.msg,
      input: bounded('input' in said ? said.input : issue.input),
      ...(said.ctx !== undefined && { ctx: said.ctx }),
    })),
  );
}

/** The whole answer of the dialect: FastAPI's list, and an error object made of its first entry. */
export function toPydanticError(
  issues: readonly [Issue, ...Issue[]],
  body: unknown,
  place: Place = 'body',
): { error: OpenAiFault; detail: PydanticDetail[] } {
  const detail = toPydanticDetail(issues, body, place);
  const [first] = detail;
  const param = formatPath(issues[0].path);
  return {
    error: {
      message: first === undefined ? '' : `${first.loc.join('.')}: ${first.msg}`,
      param: param === '' ? null : param,
      code: codeOf(issues[0]),
    },
    detail,
  };
}

function codeOf(issue: Issue): string {
  switch (issue.kind) {
    case 'missing':
    case 'empty_body':
      return 'missing_required_parameter';
    case 'wrong_type':
    case 'no_union_arm':
    case 'not_an_object':
      return 'invalid_type';
    default:
      return 'invalid_value';
  }
}

interface Said {
  readonly type: string;
  readonly msg: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
  /** Steps after the issue's own. */
  readonly loc?: readonly (string | number)[];
  /** Where it is not the issue's own. */
  readonly input?: unknown;
}

const FIELD_REQUIRED: Said = { type: 'missing', msg: 'Field required' };

const TYPES: Readonly<Record<ExpectedType, Said>> = {
  string: { type: 'string_type', msg: 'Input should be a valid string' },
  decimal: { type: 'float_type', msg: 'Input should be a valid number' },
  integer: { type: 'int_type', msg: 'Input should be a valid integer' },
  boolean: { type: 'bool_type', msg: 'Input should be a valid boolean' },
  array: { type: 'list_type', msg: 'Input should be a valid list' },
  object: { type: 'dict_type', msg: 'Input should be a valid dictionary' },
};
const NO_MODEL: Said = {
  type: 'model_attributes_type',
  msg: 'Input should be a valid dictionary or object to extract fields from',
};
const FRACTION: Said = {
  type: 'int_from_float',
  msg: 'Input should be a valid integer, got a number with a fractional part',
};
const INFINITE: Said = { type: 'finite_number', msg: 'Input should be a finite number' };

function sayings(issue: Issue, body: unknown): Said[] {
  switch (issue.kind) {
    case 'missing':
      return [FIELD_REQUIRED];
    case 'empty_body':
      return [{ ...FIELD_REQUIRED, input: null }];
    case 'not_an_object':
      return [{ ...NO_MODEL, input: body }];
    case 'malformed_json':
      return [
        {
          type: 'json_invalid',
          msg: 'JSON decode error',
          ctx: { error: issue.reason },
          loc: [issue.position],
          input: {},
        },
      ];
    case 'wrong_type':
      return [typeSaying(issue.expected, issue)];
    case 'no_union_arm':
      return issue.arms.map(({ expected, label }) => ({
        ...TYPES[expected],
        ...(label !== undefined && { loc: [label] }),
      }));
    case 'below':
    case 'above':
      return [rangeSaying(issue)];
    case 'too_short':
    case 'too_long':
      return [sizeSaying(issue)];
    case 'not_supported': {
      const expected = alternatives(issue.supported);
      return [{ type: 'literal_error', msg: `Input should be ${expected}`, ctx: { expected } }];
    }
    case 'pattern':
      return [
        issue.pattern === undefined
          ? valueError(`expected ${issue.expected}`)
          : {
              type: 'string_pattern_mismatch',
              msg: `String should match pattern '${issue.pattern}'`,
              ctx: { pattern: issue.pattern },
            },
      ];
    case 'unknown_field':
      return [{ type: 'extra_forbidden', msg: 'Extra inputs are not permitted' }];
    case 'conflict':
      return [valueError(issue.message)];
  }
}

/** As pydantic tells what a validator of the application's own raised. */
function valueError(why: string): Said {
  return { type: 'value_error', msg: `Value error, ${why}`, ctx: { error: {} } };
}

function typeSaying(expected: ExpectedType, { path, input }: Issue): Said {
  if (expected === 'integer' && typeof input === 'number') return FRACTION;
  // An item of a list of objects is a model of its own; an object in a field is a dictionary.
  if (expected === 'object' && typeof path.at(-1) === 'number') return NO_MODEL;
  return TYPES[expected];
}

function rangeSaying({ kind, type, limit, input }: Issue & { kind: 'below' | 'above' }): Said {
  if (type === 'integer' && !Number.isFinite(input)) return INFINITE;
  return kind === 'below'
    ? {
        type: 'greater_than_equal',
        msg: `Input should be greater than or equal to ${limit}`,
        ctx: { ge: limit },
      }
    : { type: 'less_than_equal', msg: `Input should be less than or equal to ${limit}`, ctx: { le: limit } };
}

function sizeSaying({ kind, of, limit, actual }: Issue & { kind: 'too_short' | 'too_long' }): Said {
  const bound = kind === 'too_short' ? 'at least' : 'at most';
  const limitName = kind === 'too_short' ? 'min_length' : 'max_length';
  if (of === 'string') {
    return {
      type: `string_${kind}`,
      msg: `String should have ${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}`,
      ctx: { [limitName]: limit },
    };
  }
  const fieldType = of === 'array' ? 'List' : 'Dictionary';
  return {
    type: kind,
    msg: `${fieldType} should have ${bound} ${limit} ${limit === 1 ? 'item' : 'items'} after validation, not ${actual}`,
    ctx: { field_type: fieldType, [limitName]: limit, actual_length: actual },
  };
}

/** `'a', 'b' or 'c'`. */
function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}
