import { describe, expect, it } from '@jest/globals';
import type { ChatChunk, CompletionChunk } from '../../upstream.port.js';
import { CHAT_ENDPOINT } from './chat-endpoint.js';
import { COMPLETION_ENDPOINT } from './completion-endpoint.js';

const token = (text: string) => ({ token: text, logprob: -1, bytes: null, top_logprobs: [] });

function said(content: string, finish_reason: 'stop' | null = null): ChatChunk {
  const logprobs = { content: [token(content)], refusal: null };
  return { choices: [{ index: 0, delta: { content }, finish_reason, logprobs }] };
}

function written(text: string, finish_reason: 'stop' | null = null): CompletionChunk {
  const logprobs = { tokens: [text], token_logprobs: [-1], top_logprobs: [null], text_offset: [0] };
  return { choices: [{ index: 0, text, finish_reason, logprobs }] };
}

describe('U24: a stream that is put together', () => {
  it('has the log probabilities of all its chat chunks', () => {
    const collector = CHAT_ENDPOINT.collector();
    for (const chunk of [said('a'), said('b'), said('c', 'stop')]) collector.add(chunk);
    expect(collector.answer().choices[0]).toMatchObject({
      message: { content: 'abc' },
      logprobs: { content: [token('a'), token('b'), token('c')], refusal: null },
    });
  });

  it('has the log probabilities of all its completion chunks, and leaves those as they were', () => {
    const collector = COMPLETION_ENDPOINT.collector();
    const first = written('a');
    for (const chunk of [first, written('b', 'stop')]) collector.add(chunk);
    expect(collector.answer().choices[0]).toMatchObject({
      text: 'ab',
      finish_reason: 'stop',
      logprobs: { tokens: ['a', 'b'], token_logprobs: [-1, -1], text_offset: [0, 0] },
    });
    expect(first.choices[0]).toMatchObject({ text: 'a', finish_reason: null });
  });

  it('takes no more time for a chunk at its end than for one at its start', () => {
    const chat = CHAT_ENDPOINT.collector();
    const completion = COMPLETION_ENDPOINT.collector();
    for (let i = 0; i < 200_000; i += 1) {
      chat.add(said('x'));
      completion.add(written('x'));
    }
    expect(chat.answer().choices[0]?.logprobs?.content).toHaveLength(200_000);
    expect(completion.answer().choices[0]?.logprobs?.tokens).toHaveLength(200_000);
  });
});
