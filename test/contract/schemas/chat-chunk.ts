import type { WireSurface } from '../../support/wire-surfaces.js';
import { CHAT_ID, CONVERSATION_ID, FINISH_REASONS, LOGPROBS } from './chat-completion.js';
import {
  closed,
  COUNT,
  type JsonSchema,
  NULL,
  orNull,
  SOME_TEXT,
  TEXT,
  UNIX_SECONDS,
} from './json-schema.js';
import { usageSchema } from './usage.js';

type Dialect = WireSurface['name'];

/** What an event of a chat stream can be, by what it says. */
export const CHAT_CHUNK_KINDS = [
  'role',
  'content',
  'refusal',
  'reasoning',
  'call',
  'finish',
  'usage',
] as const;
export type ChatChunkKind = (typeof CHAT_CHUNK_KINDS)[number];

export type ChatChunkSchemas = Readonly<Record<ChatChunkKind, JsonSchema>>;

export interface ChatStreamFacts {
  readonly dialect: Dialect;
  readonly model: string;
  /** The client sent `include_usage: true`. */
  readonly usageAsked: boolean;
}

/** The first delta of a choice, exactly: Qolaba's published sample on Q, OpenAI's elsewhere. */
const FIRST_DELTA: Readonly<Record<Dialect, JsonSchema>> = {
  W: { const: { role: 'assistant', content: '', refusal: null } },
  Q: { const: { role: 'assistant' } },
  L: { const: { role: 'assistant', content: '', refusal: null } },
};

/** Id, type and name once; then nothing but fragments, as null there breaks clients. */
const TOOL_CALL: JsonSchema = {
  oneOf: [
    closed({
      index: COUNT,
      id: SOME_TEXT,
      type: { const: 'function' },
      function: closed({ name: SOME_TEXT, arguments: { const: '' } }),
    }),
    closed({ index: COUNT, function: closed({ arguments: SOME_TEXT }) }),
    closed({
      index: COUNT,
      id: SOME_TEXT,
      type: { const: 'custom' },
      custom: closed({ name: SOME_TEXT, input: { const: '' } }),
    }),
    closed({ index: COUNT, custom: closed({ input: SOME_TEXT }) }),
  ],
};

const CALL_DELTA: JsonSchema = {
  oneOf: [
    closed({ tool_calls: { type: 'array', items: TOOL_CALL, minItems: 1, maxItems: 1 } }),
    closed({ function_call: closed({ name: SOME_TEXT, arguments: TEXT }, ['name', 'arguments']) }),
  ],
};

/**
 * Schemas of the events before `[DONE]`, and of Q's trailer after it, which is a usage chunk.
 * @see openai-openapi 2.3.0, CreateChatCompletionStreamResponse; the descriptions of Waterflai and Qolaba
 */
export function chatChunkSchemas(facts: ChatStreamFacts): ChatChunkSchemas {
  const key = JSON.stringify(facts);
  const known = built.get(key) ?? build(facts);
  built.set(key, known);
  return known;
}

/** One object for the same facts, so that a schema is compiled once and not for every event. */
const built = new Map<string, ChatChunkSchemas>();

function build({ dialect, model, usageAsked }: ChatStreamFacts): ChatChunkSchemas {
  const conversation = dialect === 'W' ? { conversation_id: CONVERSATION_ID } : {};
  const envelope = {
    id: CHAT_ID,
    object: { const: 'chat.completion.chunk' },
    created: UNIX_SECONDS,
    model: { const: model },
    system_fingerprint: SOME_TEXT,
    service_tier: SOME_TEXT,
  };
  const mayLack = ['system_fingerprint', 'service_tier'];
  const speaking = (delta: JsonSchema, finish_reason: JsonSchema = NULL, more = {}): JsonSchema =>
    closed(
      {
        ...envelope,
        choices: {
          type: 'array',
          items: closed({ index: COUNT, delta, finish_reason, logprobs: orNull(LOGPROBS) }),
          minItems: 1,
          maxItems: 1,
        },
        ...(usageAsked && { usage: NULL }),
        ...more,
      },
      mayLack,
    );
  return {
    role: speaking(FIRST_DELTA[dialect]),
    content: speaking(closed({ content: SOME_TEXT })),
    refusal: speaking(closed({ refusal: SOME_TEXT })),
    reasoning: speaking(closed({ reasoning_content: SOME_TEXT, reasoning: SOME_TEXT })),
    call: speaking(CALL_DELTA),
    finish: speaking({ const: {} }, { enum: FINISH_REASONS[dialect] }, conversation),
    usage: closed(
      {
        ...envelope,
        choices: { const: [] },
        usage: usageSchema(dialect, model),
        ...conversation,
      },
      mayLack,
    ),
  };
}

/** The last chunk of a choice that the upstream did not finish. */
export function brokenChoiceSchema(facts: ChatStreamFacts): JsonSchema {
  const { finish } = chatChunkSchemas(facts);
  return JSON.parse(
    JSON.stringify(finish, (key, value: unknown) => (key === 'enum' ? ['error'] : value)),
  ) as JsonSchema;
}
