import { isChatbotId } from '../../common/ids/chatbot-id.js';
import { isOurConversationId } from '../../common/ids/our-conversation-id.js';
import type { ResponseFormat } from '../openai/chat-completion.js';
import { opaqueObject, refine, shape, tagged } from './composites.js';
import { flag, text } from './primitives.js';
import { isJsonObject, type Report, type RuleContext } from './rule.js';

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
  const { messages } = context.request;
  if (isWholePrompt(context) && Array.isArray(messages)) checkJsonIsAsked(value, messages, report);
});

/**
 * Whether the model is sent nothing but the messages of the request. A chatbot adds its prompt and a conversation of ours
 * what was said: then it is asked when that is known.
 */
function isWholePrompt({ surface, request }: RuleContext): boolean {
  const { model, conversation_id: conversation } = request;
  if (typeof model === 'string' && isChatbotId(model)) return false;
  return !(surface.conversations && typeof conversation === 'string' && isOurConversationId(conversation));
}

/**
 * Refuses JSON mode where nothing that the model is sent asks for JSON, as OpenAI does: models then write spaces without end.
 * @param messages all that the model is sent; unchecked
 */
export function checkJsonIsAsked(
  format: ResponseFormat | undefined,
  messages: readonly unknown[],
  report: Report,
): void {
  if (format?.type !== 'json_object' || messages.length === 0 || messages.some(mentionsJson)) return;
  report({
    kind: 'conflict',
    message:
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
    code: null,
    path: ['messages'],
    input: messages,
  });
}

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
