import type { WireSurface } from '../../support/wire-surfaces.js';
import {
  closed,
  COUNT,
  JSON_TEXT,
  type JsonSchema,
  listOf,
  NUMBER,
  orNull,
  SOME_TEXT,
  TEXT,
  UNIX_SECONDS,
} from './json-schema.js';
import { usageSchema } from './usage.js';

type Dialect = WireSurface['name'];

/** `chatcmpl-` and 29 lowercase alphanumerics, as in Qolaba's published sample; ours are hex. */
export const CHAT_ID: JsonSchema = { type: 'string', pattern: '^chatcmpl-[0-9a-f]{29}$' };

export const CONVERSATION_ID: JsonSchema = { type: 'string', format: 'uuid' };

/** Reasons of a finished choice: W's enum (Waterflai's description) knows neither content_filter nor function_call. */
export const FINISH_REASONS: Readonly<Record<Dialect, readonly string[]>> = {
  W: ['stop', 'length', 'tool_calls'],
  Q: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'],
  L: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'],
};

const SCORED_TOKEN = {
  token: TEXT,
  logprob: NUMBER,
  bytes: orNull(listOf({ type: 'integer', minimum: 0, maximum: 255 })),
};

export const LOGPROBS = closed({
  content: orNull(listOf(closed({ ...SCORED_TOKEN, top_logprobs: listOf(closed(SCORED_TOKEN)) }))),
  refusal: orNull(listOf(closed({ ...SCORED_TOKEN, top_logprobs: listOf(closed(SCORED_TOKEN)) }))),
});

const FUNCTION = closed({ name: SOME_TEXT, arguments: JSON_TEXT });

const TOOL_CALL: JsonSchema = {
  oneOf: [
    closed({ id: SOME_TEXT, type: { const: 'function' }, function: FUNCTION }),
    closed({ id: SOME_TEXT, type: { const: 'custom' }, custom: closed({ name: SOME_TEXT, input: TEXT }) }),
  ],
};

/** An answer that says something; `content` is a string on every surface then. */
const SPOKEN = closed(
  {
    role: { const: 'assistant' },
    content: TEXT,
    refusal: orNull(TEXT),
    reasoning_content: SOME_TEXT,
    reasoning: SOME_TEXT,
  },
  ['reasoning_content', 'reasoning'],
);

/** An answer that calls; without text, Q says null where the seeds of W and L allow strings only. */
function calling(dialect: Dialect): JsonSchema {
  const message = {
    role: { const: 'assistant' },
    content: dialect === 'Q' ? orNull(SOME_TEXT) : TEXT,
    refusal: orNull(TEXT),
    reasoning_content: SOME_TEXT,
    reasoning: SOME_TEXT,
  };
  return {
    oneOf: [
      closed({ ...message, tool_calls: listOf(TOOL_CALL, 1) }, ['reasoning_content', 'reasoning']),
      closed({ ...message, function_call: FUNCTION }, ['reasoning_content', 'reasoning']),
    ],
  };
}

/**
 * Body of `POST …/chat/completions`: what the three published descriptions name, all of it required, and OpenAI's superset.
 * @see openai-openapi 2.3.0, CreateChatCompletionResponse
 */
export function chatCompletionSchema(dialect: Dialect, model: string): JsonSchema {
  return closed(
    {
      id: CHAT_ID,
      object: { const: 'chat.completion' },
      created: UNIX_SECONDS,
      model: { const: model },
      choices: listOf(
        closed({
          index: COUNT,
          message: { oneOf: [SPOKEN, calling(dialect)] },
          logprobs: orNull(LOGPROBS),
          finish_reason: { enum: FINISH_REASONS[dialect] },
        }),
        1,
      ),
      usage: usageSchema(dialect, model),
      system_fingerprint: SOME_TEXT,
      service_tier: SOME_TEXT,
      ...(dialect === 'W' && { conversation_id: CONVERSATION_ID }),
    },
    ['system_fingerprint', 'service_tier'],
  );
}
