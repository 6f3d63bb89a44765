import { shortened } from '../common/shortened.js';
import { formatPath, type ExpectedType, type Issue } from '../contracts/validation/issue.js';

export interface OpenAiFault {
  readonly message: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** A client's own value is repeated in a message up to this many characters. */
const MAX_SHOWN_CHARS = 100;

/**
 * How OpenAI refuses a request: one error, the first, told in a sentence with stable codes.
 * @see api.openai.com error bodies, seen 2025-08 and 2025-09; the wordings are theirs, clients match on them
 */
export function toOpenAiError([issue]: readonly [Issue, ...Issue[]]): OpenAiFault {
  const { message, param, code } = issue.openai ?? {};
  const fault = faultOf(issue);
  return {
    message: message ?? fault.message,
    param: param === undefined ? fault.param : param,
    code: code === undefined ? fault.code : code,
  };
}

function faultOf(issue: Issue): OpenAiFault {
  const at = formatPath(issue.path);
  const param = at === '' ? null : at;
  switch (issue.kind) {
    case 'missing':
      return { message: `Missing required parameter: '${at}'.`, param, code: 'missing_required_parameter' };
    case 'wrong_type':
      return wrongType(at, issue.openai?.expected ?? TYPE_NAMES[issue.expected], issue.input);
    case 'no_union_arm':
      return wrongType(at, issue.expected, issue.input);
    case 'below':
      return {
        message: `Invalid '${at}': ${issue.type} below minimum value. Expected a value >= ${issue.limit}, but got ${String(issue.input)} instead.`,
        param,
        code: `${issue.type}_below_min_value`,
      };
    case 'above':
      return {
        message: `Invalid '${at}': ${issue.type} above maximum value. Expected a value <= ${issue.limit}, but got ${String(issue.input)} instead.`,
        param,
        code: `${issue.type}_above_max_value`,
      };
    case 'too_short':
      return tooShort(issue, at);
    case 'too_long':
      return tooLong(issue, at);
    case 'not_supported':
      return typeof issue.input === 'string'
        ? {
            message: `Invalid value: '${shown(issue.input)}'. Supported values are: ${listed(issue.supported)}.`,
            param,
            code: 'invalid_value',
          }
        : wrongType(at, TYPE_NAMES.string, issue.input);
    case 'pattern':
      return {
        message: `Invalid '${at}': string does not match pattern. Expected ${issue.expected}.`,
        param,
        code: 'invalid_value',
      };
    case 'conflict':
      return { message: issue.message, param: issue.param ?? param, code: issue.code };
    case 'unknown_field': {
      const meant = issue.meant === undefined ? '' : ` Did you mean '${issue.meant}'?`;
      return {
        message: `Unknown parameter: '${shown(at)}'.${meant}`,
        param: shown(at),
        code: 'unknown_parameter',
      };
    }
    case 'malformed_json':
      return unparsable(
        `It is not valid JSON: ${issue.reason.replace(/ at$/, '')} at character ${issue.position}.`,
      );
    case 'empty_body':
      return unparsable('Expected a JSON object, but got an empty body instead.');
    case 'not_an_object':
      return unparsable(`Expected a JSON object, but got ${typeName(issue.input)} instead.`);
  }
}

const TYPE_NAMES: Readonly<Record<ExpectedType, string>> = {
  string: 'a string',
  decimal: 'a decimal',
  integer: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
};

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return TYPE_NAMES.array;
  if (typeof value === 'number') return Number.isInteger(value) ? TYPE_NAMES.integer : TYPE_NAMES.decimal;
  if (typeof value === 'boolean') return TYPE_NAMES.boolean;
  return typeof value === 'string' ? TYPE_NAMES.string : TYPE_NAMES.object;
}

function wrongType(at: string, expected: string, input: unknown): OpenAiFault {
  return {
    message: `Invalid type for '${at}': expected ${expected}, but got ${typeName(input)} instead.`,
    param: at,
    code: 'invalid_type',
  };
}

function unparsable(why: string): OpenAiFault {
  return { message: `We could not parse the JSON body of your request. ${why}`, param: null, code: null };
}

function tooShort(
  { of, limit, actual }: Issue & { kind: 'too_short' | 'too_long' },
  at: string,
): OpenAiFault {
  const { wanted, got } = sizes(of, limit, actual);
  return actual === 0
    ? {
        message: `Invalid '${at}': empty ${of}. Expected ${wanted('minimum')}, but got an empty ${of} instead.`,
        param: at,
        code: `empty_${of}`,
      }
    : {
        message: `Invalid '${at}': ${of} too short. Expected ${wanted('minimum')}, but got ${got} instead.`,
        param: at,
        code: `${of}_below_min_length`,
      };
}

function tooLong({ of, limit, actual }: Issue & { kind: 'too_short' | 'too_long' }, at: string): OpenAiFault {
  const { wanted, got } = sizes(of, limit, actual);
  return of === 'object'
    ? {
        message: `Invalid '${at}': too many properties. Expected an object with at most ${limit} properties, but got ${got} instead.`,
        param: at,
        code: 'object_above_max_properties',
      }
    : {
        message: `Invalid '${at}': ${of} too long. Expected ${wanted('maximum')}, but got ${got} instead.`,
        param: at,
        code: `${of}_above_max_length`,
      };
}

/** "an array with maximum length 4" and "an array with length 5"; objects have properties instead. */
function sizes(of: 'string' | 'array' | 'object', limit: number, actual: number) {
  const name = TYPE_NAMES[of];
  return of === 'object'
    ? {
        wanted: (bound: string) => `${name} with a ${bound} of ${limit} properties`,
        got: `${name} with ${actual} properties`,
      }
    : {
        wanted: (bound: string) => `${name} with ${bound} length ${limit}`,
        got: `${name} with length ${actual}`,
      };
}

/** `'a', 'b', and 'c'`. */
function listed(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop() ?? '';
  if (quoted.length === 0) return last;
  return quoted.length === 1 ? `${quoted[0]} and ${last}` : `${quoted.join(', ')}, and ${last}`;
}

function shown(text: string): string {
  return shortened(text, MAX_SHOWN_CHARS);
}
