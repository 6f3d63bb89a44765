/** Constraints of the smaller fields of a chat completion. */
import { dictionary, inOpenAiWords, isString, refine, shape, tagged, textOr, union } from './composites.js';
import { textParts } from './content-parts.js';
import type { Issue, OpenAiWords } from './issue.js';
import { choice, integer, text } from './primitives.js';
import { isJsonObject } from './rule.js';

export const topLogprobs = refine(integer({ min: 0, max: 20 }), (value, path, report, context) => {
  if (context.request['logprobs'] === true) return;
  report({
    kind: 'conflict',
    message: "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
    code: null,
    path,
    input: value,
  });
});

/** @see openai-openapi 2.3.0, CreateChatCompletionRequest.audio */
export const audio = shape({
  required: {
    voice: union(
      'one of a string or object',
      { expected: 'string', accepts: isString, constraint: text({ min: 1 }) },
      {
        expected: 'object',
        accepts: isJsonObject,
        constraint: shape({ required: { id: text({ min: 1 }) } }),
      },
    ),
    format: choice('wav', 'aac', 'mp3', 'flac', 'opus', 'pcm16'),
  },
});

/** @see openai-openapi 2.3.0, PredictionContent */
export const prediction = tagged('type', { content: shape({ required: { content: textOr(textParts) } }) });

/** OpenAI's own. */
const MAX_METADATA_KEY_CHARS = 64;

/** @see openai-openapi 2.3.0, Metadata */
export const metadata = inOpenAiWords(
  dictionary(text({ max: MAX_METADATA_KEY_CHARS }), text({ max: 512 }), { max: 16 }, 1_024),
  metadataWords,
);

/** @see api.openai.com, error bodies of POST /v1/chat/completions, as public projects recorded them in 2026-08 */
function metadataWords(issue: Issue): OpenAiWords | undefined {
  const [name, key] = issue.path;
  if (key === undefined) {
    return { expected: 'a metadata object' };
  }
  // Keys and values fail at the same path; the limit tells which it is.
  if (issue.kind !== 'too_long' || issue.limit !== MAX_METADATA_KEY_CHARS) return undefined;
  const shown = `${String(key).slice(0, 3)}...${String(key).slice(-3)}`;
  return {
    message: `Invalid property name in '${name}': '${shown}' is too long. Expected a string with maximum length ${issue.limit}, but got a string with length ${issue.actual} instead.`,
    code: 'property_name_above_max_length',
  };
}

/** @see openai-openapi 2.3.0, WebSearch */
export const webSearchOptions = shape({
  optional: {
    user_location: tagged('type', {
      approximate: shape({
        required: {
          approximate: shape({
            optional: { country: text(), region: text(), city: text(), timezone: text() },
          }),
        },
      }),
    }),
    search_context_size: choice('low', 'medium', 'high'),
  },
});
