/** Constraints of the fields that chat and legacy completions share, and of those that are no more than a range. */
import { dictionary, isString, list, refine, shape, union } from './composites.js';
import {
  MAX_INT32,
  MAX_LOGIT_BIAS,
  MAX_NAME_CHARS,
  MAX_OPAQUE_ID_CHARS,
  MAX_STOP,
  MAX_STOP_CHARS,
} from './limits.js';
import { decimal, flag, integer, text } from './primitives.js';
import type { Constraint } from './rule.js';

/** Model names end up in logs and error messages; a control character or half a surrogate pair is no name. */
export const modelId = text({
  min: 1,
  max: MAX_NAME_CHARS,
  pattern: /^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u,
  expected: 'a string without control characters',
});

/** Repeated in a response header, so only what a header can carry: printable Latin-1, and no space that it would lose. */
export const conversationId = text({
  max: MAX_NAME_CHARS,
  pattern: /^(?! )[\x20-\x7e\xa0-\xff]*(?<! )$/,
  expected: 'a string of printable Latin-1 characters that neither begins nor ends with a space',
});

/** An id of the client's own making, opaque to us. */
export const opaqueId = (max = MAX_OPAQUE_ID_CHARS): Constraint =>
  text({
    max,
    pattern: /^[^\p{Cc}\p{Cs}]*$/u,
    expected: 'a string without control characters',
  });

export const penalty = decimal({ min: -2, max: 2 });

export const maxTokens = (min: number): Constraint => integer({ min, max: MAX_INT32 });

const STOP_ITEM = text({ max: MAX_STOP_CHARS });
const stopForms = union(
  'one of a string or array of strings',
  { label: 'str', expected: 'string', accepts: isString, constraint: STOP_ITEM },
  {
    label: 'list[str]',
    expected: 'array',
    accepts: Array.isArray,
    constraint: list(STOP_ITEM, { max: MAX_STOP }),
  },
);

/** Empty texts stop nothing: `""` and `[]` are as if omitted. */
export const stop: Constraint = {
  ...stopForms,
  pick(value) {
    if (typeof value === 'string') return value === '' ? undefined : value;
    const sequences = (value as string[]).filter((sequence) => sequence !== '');
    return sequences.length === 0 ? undefined : sequences;
  },
};

const INT64 = { min: -(2 ** 63), max: 2 ** 63 };
/** The largest double below 2^63: what a seed of 2^63 - 1, rounded up by `JSON.parse`, is sent on as. */
const LARGEST_SEED = 2 ** 63 - 1024;

export const seed: Constraint = {
  ...integer(INT64),
  pick: (value) => Math.min(value as number, LARGEST_SEED),
  schema: { type: 'integer', format: 'int64' },
};

export const logitBias = dictionary(
  text({ pattern: /^\d{1,10}$/, expected: 'a token id' }),
  integer({ min: -100, max: 100 }),
  { max: MAX_LOGIT_BIAS },
);

const streamOptionFields = shape({ optional: { include_usage: flag, include_obfuscation: flag } });

/** Means nothing without `stream`: refused or dropped, as the surface has it. */
export const streamOptions: Constraint = {
  ...refine(streamOptionFields, (value, path, report, context) => {
    if (context.surface.streamOptionsWithoutStream === 'ignore' || context.request['stream'] === true) return;
    report({
      kind: 'conflict',
      message: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      code: null,
      path,
      input: value,
    });
  }),
  pick: (value, request) =>
    request['stream'] === true ? streamOptionFields.pick?.(value, request) : undefined,
};
