/** Constraints of the smaller fields of a chat completion. */
import { dictionary, isString, refine, shape, tagged, textOr, union } from './composites.js';
import { textParts } from './content-parts.js';
import { choice, integer, text } from './primitives.js';
import { isJsonObject } from './rule.js';

export const topLogprobs = refine(integer({ min: 0, max: 20 }), (value, path, report, context) => {
  if (context.request['logprobs'] === true) return;
  report({
    kind: 'conflict',
    message: "Invalid value for 'top_logprobs': 'top_logprobs' is only allowed when 'logprobs' is enabled.",
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

/** @see openai-openapi 2.3.0, Metadata */
export const metadata = dictionary(text({ max: 64 }), text({ max: 512 }), { max: 16 });

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
