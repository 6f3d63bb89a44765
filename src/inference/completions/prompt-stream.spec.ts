import { describe, expect, it } from '@jest/globals';
import { Observable, of } from 'rxjs';
import type { TokenLogprob } from '../../contracts/openai/chat-completion.js';
import { FlowGate } from '../../streaming/flow-gate.js';
import { UpstreamError } from '../../upstreams/upstream.errors.js';
import type { ChatChunk, CompletionChunk } from '../../upstreams/upstream.port.js';
import {
  callOf,
  delta,
  promptOf,
  stream,
  streaming,
  token,
  usage,
} from '../../../test/support/chat-only-upstream.js';
import { streamOverChat } from './over-chat.js';

function saidWith(content: string, ...tokens: TokenLogprob[]): ChatChunk {
  const logprobs = { content: tokens, refusal: null };
  return { choices: [{ index: 0, delta: { content }, finish_reason: null, logprobs }] };
}

function texts(chunks: CompletionChunk[]): string[] {
  return chunks.flatMap(({ choices }) => choices.map(({ text }) => text));
}

describe('the chunks made of a chat stream', () => {
  it('case 93: text chunk by text chunk, then one finish per index with an empty text, and no roles', async () => {
    const upstream = streaming(() =>
      of(
        delta(0, { role: 'assistant', content: '', refusal: null }),
        delta(0, { reasoning_content: 'hm' }),
        delta(0, { content: 'He' }),
        delta(0, { content: 'llo' }, 'length'),
        { choices: [], usage: usage(1, 2) },
      ),
    );
    const chunks = await stream(upstream, {});
    expect(chunks.slice(0, -1)).toEqual([
      { choices: [{ text: 'He', index: 0, logprobs: null, finish_reason: null }] },
      { choices: [{ text: 'llo', index: 0, logprobs: null, finish_reason: null }] },
      { choices: [{ text: '', index: 0, logprobs: null, finish_reason: 'length' }] },
    ]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usage(1, 2) });
  });

  it('case 92: echo is the first chunk of each choice, sent once the choice has something to say', async () => {
    const upstream = streaming((request) =>
      of(
        delta(0, { role: 'assistant' }),
        delta(1, { role: 'assistant' }),
        delta(1, { content: `<${promptOf(request)}>` }),
        delta(1, {}, 'stop'),
        delta(0, {}, 'stop'),
      ),
    );
    const chunks = await stream(upstream, { prompt: 'ab', n: 2, echo: true });
    expect(chunks.flatMap(({ choices }) => choices)).toMatchObject([
      { index: 1, text: 'ab', echoedChars: 2, finish_reason: null },
      { index: 1, text: '<ab>', finish_reason: null },
      { index: 1, text: '', finish_reason: 'stop' },
      { index: 0, text: 'ab', echoedChars: 2, finish_reason: null },
      { index: 0, text: '', finish_reason: 'stop' },
    ]);
  });

  it('U15: an upstream that fails after its roles has sent nothing, also with echo', async () => {
    const upstream = streaming(
      () =>
        new Observable((subscriber) => {
          subscriber.next(delta(0, { role: 'assistant', content: '' }));
          subscriber.error(new UpstreamError('upstream_error', 'broke'));
        }),
    );
    const seen: CompletionChunk[] = [];
    const failure = await new Promise((resolve) => {
      streamOverChat(upstream, callOf({ echo: true }), new FlowGate()).subscribe({
        next: (chunk) => seen.push(chunk),
        error: resolve,
      });
    });
    expect(failure).toMatchObject({ code: 'upstream_error' });
    expect(seen).toEqual([]);
  });

  it('case 92: logprobs go on counting from chunk to chunk, also within a character', async () => {
    const [head, tail] = [
      [0xf0, 0x9f],
      [0x98, 0x80],
    ];
    const upstream = streaming(() =>
      of(
        saidWith('hé', token('h', -1), token('é', -1)),
        saidWith('', token('\\xf0\\x9f', -1, head)),
        saidWith('😀', token('\\x98\\x80', -1, tail)),
        saidWith('!', token('!', -1, null)),
        delta(0, {}, 'stop'),
      ),
    );
    const chunks = await stream(upstream, { prompt: 'ab', logprobs: 1 });
    expect(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.text_offset ?? [])).toEqual([2, 3, 4, 4, 5]);
    expect(chunks.at(-1)?.choices[0]).toEqual({ text: '', index: 0, logprobs: null, finish_reason: 'stop' });
  });

  it('shows a refusal as text only where nothing else was said', async () => {
    const refused = streaming(() => of(delta(0, { refusal: 'No.' }), delta(0, {}, 'stop')));
    const changed = streaming(() =>
      of(delta(0, { content: 'Yes' }), delta(0, { refusal: 'No.' }), delta(0, {}, 'content_filter')),
    );
    expect(texts(await stream(refused, {}))).toEqual(['No.', '']);
    expect(texts(await stream(changed, {}))).toEqual(['Yes', '']);
  });

  it('takes a choice that never came as a bad response', async () => {
    const upstream = streaming(() => of(delta(0, { content: 'x' }, 'stop')));
    await expect(stream(upstream, { n: 2 })).rejects.toMatchObject({ code: 'upstream_bad_response' });
  });
});
