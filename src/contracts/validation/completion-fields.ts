/** Constraints of the fields that only legacy completions have. */
import { checkSize, isString, list, refine, union } from './composites.js';
import { MAX_INT32, MAX_PROMPTS, MAX_PROMPT_TOKENS } from './limits.js';
import { integer, reportType, text } from './primitives.js';
import type { Constraint } from './rule.js';

const token = integer({ min: 0, max: MAX_INT32 });

/** One prompt as token ids. By hand: there may be millions, and a path is only needed for the one at fault. */
const tokens: Constraint = {
  check(value, path, report, context) {
    if (!Array.isArray(value)) return reportType('array', value, path, report);
    if (!checkSize('array', value.length, { min: 1, max: MAX_PROMPT_TOKENS }, value, path, report)) return;
    const at = value.findIndex((each) => !isToken(each));
    if (at !== -1) token.check(value[at], [...path, at], report, context);
  },
  schema: { type: 'array', items: token.schema, minItems: 1, maxItems: MAX_PROMPT_TOKENS },
};

function isToken(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_INT32;
}

/**
 * Text, texts, one prompt as token ids, or several as such. The first item says which array was meant.
 * @see openai-openapi 2.3.0, CreateCompletionRequest.prompt
 */
export const prompt: Constraint = union(
  'one of a string, array of strings, array of integers, or array of integer arrays',
  { label: 'str', expected: 'string', accepts: isString, constraint: text() },
  {
    label: 'list[str]',
    expected: 'array',
    accepts: (value) => Array.isArray(value) && typeof value[0] !== 'number' && !Array.isArray(value[0]),
    constraint: list(text(), { min: 1, max: MAX_PROMPTS }),
  },
  {
    label: 'list[int]',
    expected: 'array',
    accepts: (value) => Array.isArray(value) && typeof value[0] === 'number',
    constraint: tokens,
  },
  {
    label: 'list[list[int]]',
    expected: 'array',
    accepts: (value) => Array.isArray(value) && Array.isArray(value[0]),
    constraint: list(tokens, { min: 1, max: MAX_PROMPTS }),
  },
);

export const bestOf = refine(integer({ min: 0, max: 20 }), (value: number, path, report, context) => {
  const { n = 1, stream } = context.request;
  const refuse = (message: string): void =>
    report({ kind: 'conflict', message, code: 'invalid_value', path, input: value });
  if (typeof n === 'number' && value < n) {
    refuse(
      `Invalid 'best_of': must not be less than 'n'. Expected a value >= ${n}, but got ${value} instead.`,
    );
  } else if (value > 1 && stream === true) {
    refuse("Invalid 'best_of': more than 1 is not allowed when 'stream' is enabled.");
  }
});
