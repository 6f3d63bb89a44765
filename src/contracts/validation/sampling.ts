/** Constraints of the fields that chat and legacy completions share, and of those that are no more than a range. */
import { dictionary, inOpenAiWords, isString, list, refine, shape, union } from './composites.js';
import { MAX_INT32, MAX_LOGIT_BIAS, MAX_NAME_CHARS, MAX_STOP, MAX_STOP_CHARS } from './limits.js';
import type { Issue, OpenAiWords } from './issue.js';
import { decimal, flag, integer, text } from './primitives.js';
import type { Constraint } from './rule.js';

/** Model names end up in logs and error messages; a control character or half a surrogate pair is no name. */
export const modelId = inOpenAiWords(
  text({
    min: 1,
    max: MAX_NAME_CHARS,
    pattern: /^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u,
    expected: 'a string without control characters',
  }),
  ({ kind, path }, { place = 'body' }) =>
    kind === 'too_short' && path.length === 1 && place === 'body'
      ? { message: 'you must provide a model parameter', param: null, code: null }
      : undefined,
);

/** Repeated in a response header, so only what a header can carry: printable Latin-1, and no space that it would lose. */
export const conversationId = text({
  max: MAX_NAME_CHARS,
  pattern: /^(?! )[\x20-\x7e\xa0-\xff]*(?<! )$/,
  expected: 'a string of printable Latin-1 characters that neither begins nor ends with a space',
});

/**
 * Text of the client's own making, such as an id: opaque to us, and never put into a header. Only U+0000 is refused, which no
 * honest client sends and some stores cut a text at.
 */
export const ownText = (max?: number): Constraint =>
  text({
    ...(max !== undefined && { max }),
    // oxlint-disable-next-line no-control-regex -- this control character is what is meant
    pattern: /^[^\u0000]*$/,
    expected: 'a string without U+0000',
  });

export const penalty = decimal({ min: -2, max: 2 });

export const maxTokens = (min: number): Constraint => integer({ min, max: MAX_INT32 });

/**
 * Empty texts stop nothing: `""` and `[]` are as if omitted.
 * @param item one sequence
 */
export function stopSequences(item: Constraint): Constraint {
  const forms = union(
    'one of a string or array of strings',
    { label: 'str', expected: 'string', accepts: isString, constraint: item },
    {
      label: 'list[str]',
      expected: 'array',
      accepts: Array.isArray,
      constraint: list(item, { max: MAX_STOP }),
    },
  );
  return {
    ...forms,
    pick(value) {
      if (typeof value === 'string') return value === '' ? undefined : value;
      const sequences = (value as string[]).filter((sequence) => sequence !== '');
      return sequences.length === 0 ? undefined : sequences;
    },
  };
}

export const stop = stopSequences(text({ max: MAX_STOP_CHARS }));

/**
 * Exact or refused: beyond 2^53 - 1 what `JSON.parse` gives is another number than was sent. OpenAI's own limit is 2^63.
 */
export const seed = integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });

/** OpenAI's own. */
const BIAS = { min: -100, max: 100 } as const;

export const logitBias = inOpenAiWords(
  dictionary(text({ pattern: /^\d{1,10}$/, expected: 'a token id' }), integer(BIAS), { max: MAX_LOGIT_BIAS }),
  logitBiasWords,
);

/** What is wrong with an entry is told of the whole field. @see api.openai.com, error bodies seen since 2023 */
function logitBiasWords({ kind, path, input }: Issue): OpenAiWords | undefined {
  const [name, key] = path;
  if (key === undefined) return undefined;
  const told = { param: String(name), code: null };
  const shown = String(key).slice(0, 64);
  if (kind === 'pattern') {
    return {
      ...told,
      message: `Invalid key in '${name}': ${shown}. You should only be submitting non-negative integers.`,
    };
  }
  if (kind !== 'below' && kind !== 'above') return undefined;
  return {
    ...told,
    message: `Invalid value in '${name}': the bias of token ${shown} is ${String(input)}. Expected a value from ${BIAS.min} to ${BIAS.max}.`,
  };
}

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
