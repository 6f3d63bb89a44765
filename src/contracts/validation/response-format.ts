import type { ResponseFormat } from '../openai/chat-completion.js';
import { opaqueObject, refine, shape, tagged } from './composites.js';
import { flag, text } from './primitives.js';
import { isJsonObject } from './rule.js';

const forms = tagged('type', {
  text: shape({}),
  json_object: shape({}),
  json_schema: shape({
    required: {
      json_schema: shape({
        required: { name: text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ }) },
        // The schema is passed on, never compiled: its patterns are a stranger's regular expressions.
        optional: { description: text(), schema: opaqueObject, strict: flag },
      }),
    },
  }),
});

/** @see openai-openapi 2.3.0, ResponseFormat{Text,JsonObject,JsonSchema} */
export const responseFormat = refine(forms, (value: ResponseFormat, _path, report, context) => {
  if (value.type !== 'json_object') return;
  const { messages } = context.request;
  if (!Array.isArray(messages) || messages.length === 0 || messages.some(mentionsJson)) return;
  report({
    kind: 'conflict',
    message:
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
    code: null,
    path: ['messages'],
    input: messages,
  });
});

function mentionsJson(message: unknown): boolean {
  if (!isJsonObject(message)) return false;
  const { content } = message;
  if (typeof content === 'string') return /json/i.test(content);
  return (
    Array.isArray(content) &&
    content.some(
      (part: unknown) => isJsonObject(part) && typeof part['text'] === 'string' && /json/i.test(part['text']),
    )
  );
}
