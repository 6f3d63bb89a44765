import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/errors/domain-error.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import type { CompletionChunkChoice } from '../contracts/openai/completion.js';
import { CompletionRenderer } from './completion-renderer.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI, type Surface } from './surface.js';

const ENVELOPE = { id: 'cmpl-1', created: 1_760_000_000, model: 'm' };
const HEAD = 'data: {"id":"cmpl-1","object":"text_completion","created":1760000000,"model":"m","choices":[';
/** Nobody asks for it here. */
const USAGE = {} as Usage;
const BILL = { model: 'm', costNanoUsd: 0n, creditHundredths: 0n };

function renderer(surface: Surface, includeUsage?: boolean): CompletionRenderer {
  return new CompletionRenderer({
    envelope: ENVELOPE,
    surface,
    streamed: true,
    includeUsage,
    includeObfuscation: false,
  });
}

function choice(over: Partial<CompletionChunkChoice>): { choices: CompletionChunkChoice[] } {
  return { choices: [{ index: 0, text: '', logprobs: null, finish_reason: null, ...over }] };
}

function frame(text: string, finishReason = 'null', index = 0): string {
  return `${HEAD}{"text":${JSON.stringify(text)},"index":${index},"logprobs":null,"finish_reason":${finishReason}}]}\n\n`;
}

describe('CompletionRenderer', () => {
  it('case 93: is text, an empty text with the reason, and [DONE]; no role', () => {
    const stream = renderer(LIGHTNINGROD);
    expect(stream.chunk(choice({ text: 'Once' }))).toBe(frame('Once'));
    expect(stream.chunk(choice({ text: ' upon', finish_reason: 'length' }))).toBe(frame(' upon'));
    expect(stream.end(USAGE, BILL)).toBe(`${frame('', '"length"')}data: [DONE]\n\n`);
  });

  it('says nothing for a chunk that says nothing', () => {
    const stream = renderer(QOLABA);
    expect(stream.chunk(choice({}))).toBe('');
    expect(stream.chunk({ choices: [] })).toBe('');
  });

  it('says log probabilities also where there is no text', () => {
    const logprobs = { tokens: [''], token_logprobs: [0], top_logprobs: [{}], text_offset: [0] };
    expect(renderer(QOLABA).chunk(choice({ logprobs }))).toContain(`"logprobs":${JSON.stringify(logprobs)}`);
  });

  it('case 89: ends every choice by its own reason, in the order of their indices', () => {
    const stream = renderer(WATERFLAI);
    stream.chunk(choice({ index: 1, text: 'b', finish_reason: 'content_filter' }));
    stream.chunk(choice({ index: 0, text: 'a' }));
    expect(stream.end(USAGE, BILL, 'length')).toBe(
      `${frame('', '"length"', 0)}${frame('', '"stop"', 1)}data: [DONE]\n\n`,
    );
  });

  it('keeps the first reason when a later chunk has none', () => {
    const stream = renderer(QOLABA, false);
    stream.chunk(choice({ text: 'a', finish_reason: 'length' }));
    stream.chunk(choice({ text: 'b' }));
    expect(stream.end(USAGE, BILL)).toBe(`${frame('', '"length"')}data: [DONE]\n\n`);
  });

  it('case 49: breaks off as a chat does, with the word of a timeout', () => {
    const stream = renderer(LIGHTNINGROD);
    stream.chunk(choice({ text: 'a', finish_reason: 'stop' }));
    const error = { message: 'Too late.', type: 'server_error', param: null, code: 'timeout' };
    expect(stream.failure(new DomainError('upstream_timeout', 'Too late.'))).toBe(
      `data: ${JSON.stringify({ error, detail: 'Too late.' })}\n\n${frame('', '"error"')}`,
    );
  });
});
