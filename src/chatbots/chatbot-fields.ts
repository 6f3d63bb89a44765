/** Constraints of the fields that make a chatbot. */
import { dictionary, list, ownField, refine, shape, tagged } from '../contracts/validation/composites.js';
import type { Path } from '../contracts/validation/issue.js';
import { MAX_FUNCTIONS } from '../contracts/validation/limits.js';
import { choice, integer, text } from '../contracts/validation/primitives.js';
import { responseFormat } from '../contracts/validation/response-format.js';
import type { Constraint, Report } from '../contracts/validation/rule.js';
import { maxTokens, modelId, stopSequences } from '../contracts/validation/sampling.js';
import { tool } from '../contracts/validation/tools.js';
import { reportUnknownFields } from '../contracts/validation/unknown-fields.js';
import { OVERRIDABLE_FIELDS } from './chatbot.js';
import { variablesOf } from './system-prompt.js';

const MAX_PROMPT_CHARS = 100_000;
/** With the longest value in each place, a prompt stays near a million characters. */
const MAX_VARIABLES_IN_PROMPT = 256;
const MAX_VARIABLES = 64;
const MAX_VALUE_CHARS = 4_096;
/** As JSON: a chatbot is read with every request that is not answered from memory. */
const MAX_TOOLS_CHARS = 256 * 1024;
const MAX_FORMAT_CHARS = 128 * 1024;
/** Of two messages at least: no more than 8,192 are read. */
const MAX_TURNS = 4_096;
const MAX_KEYS = 1_000;
/** Of a request's own there is no limit; a chatbot's are read with every request. */
const MAX_STOP_CHARS = 4_096;

export const stop = stopSequences(text({ max: MAX_STOP_CHARS }));

export const description = text({
  max: 1_024,
  pattern: /^(?:[^\p{Cc}\p{Cs}]|[\n\r\t])*$/u,
  expected: 'a string without control characters',
});

/** No request and no chatbot can have a value of this name: keys that are called so are taken out of all JSON. */
const UNFILLABLE = '__proto__';

export const systemPrompt = refine<string>(text({ max: MAX_PROMPT_CHARS }), (value, path, report) => {
  const used = variablesOf(value);
  const fault =
    used.length > MAX_VARIABLES_IN_PROMPT
      ? `too many variables. Expected at most ${MAX_VARIABLES_IN_PROMPT}, but got ${used.length} instead.`
      : used.includes(UNFILLABLE)
        ? `a variable cannot be called '${UNFILLABLE}'.`
        : undefined;
  if (fault === undefined) return;
  const message = `Invalid 'system_prompt': ${fault}`;
  report({ kind: 'conflict', message, code: 'invalid_value', path, input: value });
});

export const variables = dictionary(
  text({
    pattern: /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    expected: 'the name of a variable: letters, digits and underscores, 64 at most',
  }),
  text({ max: MAX_VALUE_CHARS }),
  { max: MAX_VARIABLES },
);

export const tools = atMost(MAX_TOOLS_CHARS, list(tool, { max: MAX_FUNCTIONS }));
export const format = atMost(MAX_FORMAT_CHARS, responseFormat);

const MEMORIES = {
  none: shape({}),
  turns: shape({ required: { turns: integer({ min: 1, max: MAX_TURNS }) } }),
  window: shape({ optional: { max_tokens: maxTokens(1) } }),
  summary: shape({ optional: { max_tokens: maxTokens(1), model: modelId } }),
};
type SentMemory = { policy: keyof typeof MEMORIES } & Record<string, unknown>;

/** Who sends a field of another policy means that one: `turns` with `window` would be the whole window. */
export const memory = refine<SentMemory>(tagged('policy', MEMORIES), (value, path, report) => {
  const own = Object.keys(MEMORIES[value.policy].schema.properties ?? {});
  const others = Object.values(MEMORIES).flatMap(({ schema }) => Object.keys(schema.properties ?? {}));
  const foreign = new Set(others.filter((name) => !own.includes(name)));
  reportUnknownFields(value, ['policy', ...own], path, report, foreign);
  for (const name of foreign) {
    if ((ownField(value, name) ?? null) === null) continue;
    const at = [...path, name];
    const message = `Invalid '${at.join('.')}': the policy '${value.policy}' has no such field.`;
    report({ kind: 'conflict', message, code: 'invalid_value', path: at, input: value[name] });
  }
});

export const overrides: Constraint = {
  ...list(choice(...OVERRIDABLE_FIELDS), { max: 2 * OVERRIDABLE_FIELDS.length }),
  pick: (value) => OVERRIDABLE_FIELDS.filter((field) => (value as string[]).includes(field)),
};

export const keys: Constraint = {
  ...list(text({ pattern: /^[A-Za-z0-9_-]{1,64}$/, expected: 'the id of a key' }), { max: MAX_KEYS }),
  pick: (value) => [...new Set(value as string[])],
};

/** Bounds what a stranger's JSON Schemas may take. */
function atMost(maxChars: number, constraint: Constraint): Constraint {
  return refine<unknown>(constraint, (value, path: Path, report: Report) => {
    const actual = JSON.stringify(value).length;
    if (actual <= maxChars) return;
    const message = `Invalid '${path.join('.')}': too large. Expected at most ${maxChars} characters of JSON, but got ${actual} instead.`;
    report({ kind: 'conflict', message, code: 'invalid_value', path, input: value });
  });
}
