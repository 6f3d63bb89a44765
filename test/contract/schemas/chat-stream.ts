import { expect } from '@jest/globals';
import type { WireChunk, WireStream } from '../../support/wire-stream.js';
import {
  CHAT_CHUNK_KINDS,
  type ChatChunkKind,
  chatChunkSchemas,
  type ChatStreamFacts,
} from './chat-chunk.js';
import { expectToMatchSchema, matchesSchema } from './json-schema.js';
import { expectUsageToAddUp } from './usage.js';

/** What a complete chat stream said, after it was held to every rule that does not depend on its content. */
export interface HeldStream {
  /** Kinds of the events of one choice, in order. */
  kindsOf(index: number): ChatChunkKind[];
  readonly choices: number;
}

/**
 * Holds a complete chat stream to its form: every event is of exactly one kind, all share one envelope, each choice
 * opens with its role and ends with its reason, and usage stands where the client asked for it and after Q's `[DONE]`.
 */
export function expectChatStream({ chunks, trailers }: WireStream, facts: ChatStreamFacts): HeldStream {
  const schemas = chatChunkSchemas(facts);
  const kinds = chunks.map((chunk) => kindOf(chunk, facts));
  const envelopes = [...chunks, ...trailers].map(({ id, created, model }) => ({ id, created, model }));
  expect(envelopes).toEqual(envelopes.map(() => envelopes[0]));

  const usageAt = kinds.flatMap((kind, at) => (kind === 'usage' ? [at] : []));
  expect(usageAt).toEqual(facts.usageAsked ? [chunks.length - 1] : []);
  expect(trailers).toHaveLength(facts.dialect === 'Q' ? 1 : 0);
  for (const trailer of trailers) expectToMatchSchema(trailer, schemas.usage);
  for (const { usage } of [...usageAt.map((at) => chunks[at]!), ...trailers]) expectUsageToAddUp(usage);
  if (facts.usageAsked && trailers.length > 0) expect(trailers[0]).toEqual(chunks.at(-1));

  const kindsOf = (index: number) => kinds.filter((_kind, at) => chunks[at]?.choices[0]?.index === index);
  const indices = new Set(chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.index)));
  for (const index of indices) {
    const said = kindsOf(index);
    expect(said[0]).toBe('role');
    expect(said.at(-1)).toBe('finish');
    expect(said.slice(1, -1)).not.toContain('role');
    expect(said.slice(1, -1)).not.toContain('finish');
  }
  return { kindsOf, choices: indices.size };
}

/** The one kind that an event is of; fails when it is of none or of several. */
export function kindOf(chunk: WireChunk, facts: ChatStreamFacts): ChatChunkKind {
  const schemas = chatChunkSchemas(facts);
  const fitting = CHAT_CHUNK_KINDS.filter((kind) => matchesSchema(chunk, schemas[kind]));
  expect({ fitting, chunk }).toEqual({ fitting: [expect.any(String)], chunk });
  return fitting[0]!;
}
