import type { WireSurface } from '../../support/wire-surfaces.js';
import {
  closed,
  COUNT,
  type JsonSchema,
  listOf,
  NULL,
  NUMBER,
  orNull,
  SOME_TEXT,
  TEXT,
  UNIX_SECONDS,
} from './json-schema.js';
import { usageSchema } from './usage.js';

type Dialect = WireSurface['name'];

const COMPLETION_ID: JsonSchema = { type: 'string', pattern: '^cmpl-[0-9a-f]{29}$' };

const FINISH_REASONS: Readonly<Record<Dialect, readonly string[]>> = {
  W: ['stop', 'length'],
  Q: ['stop', 'length', 'content_filter'],
  L: ['stop', 'length', 'content_filter'],
};

/** Four parallel arrays. */
const LOGPROBS = closed({
  tokens: listOf(TEXT),
  token_logprobs: listOf(orNull(NUMBER)),
  top_logprobs: listOf(orNull({ type: 'object', additionalProperties: NUMBER })),
  text_offset: listOf(COUNT),
});

const choice = (finish_reason: JsonSchema) =>
  closed({ text: TEXT, index: COUNT, logprobs: orNull(LOGPROBS), finish_reason });

const envelope = (model: string) => ({
  id: COMPLETION_ID,
  object: { const: 'text_completion' },
  created: UNIX_SECONDS,
  model: { const: model },
  system_fingerprint: SOME_TEXT,
});
const MAY_LACK = ['system_fingerprint'];

/**
 * Body of `POST …/completions`.
 * @see openai-openapi 2.3.0, CreateCompletionResponse; LightningRod's description, CompletionResponse
 */
export function completionSchema(dialect: Dialect, model: string): JsonSchema {
  return closed(
    {
      ...envelope(model),
      choices: listOf(choice({ enum: FINISH_REASONS[dialect] }), 1),
      usage: usageSchema(dialect, model),
    },
    MAY_LACK,
  );
}

/** An event before `[DONE]` with text or a finish reason, one choice at a time. */
export function completionChunkSchema(dialect: Dialect, model: string, usageAsked: boolean): JsonSchema {
  return closed(
    {
      ...envelope(model),
      choices: { ...listOf(choice(orNull({ enum: FINISH_REASONS[dialect] })), 1), maxItems: 1 },
      ...(usageAsked && { usage: NULL }),
    },
    MAY_LACK,
  );
}

/** The usage chunk, and Q's trailer. */
export function completionUsageSchema(dialect: Dialect, model: string): JsonSchema {
  return closed({ ...envelope(model), choices: { const: [] }, usage: usageSchema(dialect, model) }, MAY_LACK);
}
