import { describe, expect, it } from '@jest/globals';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, completionAnswer, completionChunks } from '../support/fake-upstream-wire.js';
import { useWireApp } from '../support/wire-app.js';
import { readStream, type WireChunk } from '../support/wire-stream.js';
import { chatBody, completionBody, SURFACES, W } from '../support/wire-surfaces.js';

/** The same answer with each event changed. */
const each = (events: readonly unknown[], change: (event: Record<string, unknown>) => void) =>
  structuredClone(events).map((event) => {
    change(event as Record<string, unknown>);
    return event;
  });

describe('what an upstream says of its answer as a whole', () => {
  const app = useWireApp();

  it.each(SURFACES)('is in every chunk as in a whole answer ($name)', async (surface) => {
    const chat = each(chatChunks(['a', 'b']), (event) =>
      Object.assign(event, { system_fingerprint: 'fp_1', service_tier: 'default' }),
    );
    const text = each(completionChunks(['a', 'b']), (event) =>
      Object.assign(event, { system_fingerprint: 'fp_1' }),
    );
    const streamed = { stream: true, stream_options: { include_usage: true } };
    for (const [path, body, reply] of [
      [surface.chat, chatBody(streamed), sse(chat)],
      [surface.completions, completionBody({ ...streamed, model: 'test/native' }), sse(text)],
      [surface.completions, completionBody(streamed), sse(chat)],
    ] as const) {
      app.upstream.enqueue(reply);
      const { chunks, trailers } = await readStream(await app.tollgate.post(path, body));
      // Qolaba documents the keys of its chunks with usage.
      const all = surface.name === 'Q' ? chunks.slice(0, -1) : chunks;
      expect(trailers).toEqual(surface.name === 'Q' ? chunks.slice(-1) : []);
      expect(all.map(({ system_fingerprint }) => system_fingerprint)).toEqual(all.map(() => 'fp_1'));
      const choices = chunks.flatMap((chunk) => chunk.choices);
      expect(choices.map(({ logprobs }) => logprobs)).toEqual(choices.map(() => null));
    }
    for (const [path, body, reply] of [
      [surface.chat, chatBody(), json({ ...chatAnswer({ content: 'a' }), system_fingerprint: 'fp_1' })],
      [
        surface.completions,
        completionBody({ model: 'test/native' }),
        json({ ...completionAnswer({ text: 'a' }), system_fingerprint: 'fp_1' }),
      ],
      [
        surface.completions,
        completionBody(),
        json({ ...chatAnswer({ content: 'a' }), system_fingerprint: 'fp_1' }),
      ],
    ] as const) {
      app.upstream.enqueue(reply);
      expect(await (await app.tollgate.post(path, body)).json()).toMatchObject({
        system_fingerprint: 'fp_1',
        choices: [{ logprobs: null }],
      });
    }
  });

  it('is left out where the upstream says nothing, or what no fingerprint is', async () => {
    for (const name of [undefined, null, 7, 'x'.repeat(10_000)]) {
      app.upstream.enqueue(
        sse(each(chatChunks(['a']), (event) => Object.assign(event, { system_fingerprint: name }))),
      );
      const { chunks } = await readStream(await app.tollgate.post(W.chat, chatBody({ stream: true })));
      for (const chunk of chunks) expect(chunk).not.toHaveProperty('system_fingerprint');
    }
  });

  it('is in what is given again under an Idempotency-Key, and in what is stored', async () => {
    app.upstream.enqueue(sse(chatChunks(['a'])));
    const { secret } = await app.tollgate.newKey({ readConversations: true });
    const headers = { authorization: `Bearer ${secret}`, 'idempotency-key': 'again' };
    const ask = () => app.tollgate.post(W.chat, chatBody({ stream: true, store: true }), headers);
    const first = await readStream(await ask());
    const again = await readStream(await ask());
    expect(again).toEqual(first);
    expect(first.chunks[0]?.system_fingerprint).toBe('fp_fake');
    const stored = await fetch(`${app.tollgate.origin}/v1/chat/completions/${first.chunks[0]?.id}`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(await stored.json()).toMatchObject({ system_fingerprint: 'fp_fake' });
  });
});

/** The deltas of one name, joined. */
function reasonings(chunks: readonly WireChunk[], name: string): string {
  return chunks.map(({ choices: [choice] }) => choice?.delta?.[name] ?? '').join('');
}

describe('what a model thought', () => {
  const app = useWireApp();

  it.each(SURFACES)('has both names, whichever the upstream uses ($name)', async ({ chat }) => {
    const answer = { role: 'assistant', content: 'a' };
    for (const said of [
      { reasoning_content: 'hm ' },
      { reasoning: 'hm ' },
      { reasoning: 'hm ', reasoning_content: 'hm ' },
      { reasoning: 'hm ', reasoning_content: '' },
      { reasoning: 'hm ', reasoning_content: null },
    ]) {
      app.upstream.enqueue(
        json({
          ...chatAnswer({ content: 'a' }),
          choices: [{ index: 0, message: { ...answer, ...said }, finish_reason: 'stop' }],
        }),
      );
      const whole = (await (await app.tollgate.post(chat, chatBody())).json()) as {
        choices: [{ message: object }];
      };
      expect(whole.choices[0].message).toMatchObject({
        content: 'a',
        reasoning_content: 'hm ',
        reasoning: 'hm ',
      });

      const chunks = chatChunks(['a']);
      const thought = { ...chunks[0], choices: [{ index: 0, delta: said, finish_reason: null }] };
      app.upstream.enqueue(sse([chunks[0], thought, thought, ...chunks.slice(1)]));
      const stream = await readStream(await app.tollgate.post(chat, chatBody({ stream: true })));
      expect(reasonings(stream.chunks, 'reasoning')).toBe('hm hm ');
      expect(reasonings(stream.chunks, 'reasoning_content')).toBe('hm hm ');
      expect(reasonings(stream.chunks, 'content')).toBe('a');
    }
  });

  it.each<[string, object, string | undefined]>([
    ['the older name', { reasoning_content: 'hm' }, 'hm'],
    ['the newer name', { reasoning: 'hm' }, 'hm'],
    ['both, the same', { reasoning: 'hm', reasoning_content: 'hm' }, 'hm'],
    ['both, and they differ', { reasoning: 'other', reasoning_content: 'hm' }, 'hm'],
    ['null under the older name', { reasoning: 'hm', reasoning_content: null }, 'hm'],
    ['nothing', { reasoning: null }, undefined],
  ])('is read in a request under %s, and sent on once', async (_name, said, sent) => {
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'ho', ...said },
      { role: 'user', content: 'again' },
    ];
    for (const { chat } of SURFACES) {
      expect((await app.tollgate.post(chat, chatBody({ messages }))).status).toBe(200);
      const upstream = app.upstream.requests.at(-1)?.body['messages'] as object[] | undefined;
      expect(upstream?.[1]).toEqual({
        role: 'assistant',
        content: 'ho',
        ...(sent !== undefined && { reasoning_content: sent }),
      });
    }
  });

  it('is charged once, under whichever names it is sent', async () => {
    const thought = 'because '.repeat(400);
    const costs: unknown[] = [];
    for (const said of [{ reasoning: thought }, { reasoning: thought, reasoning_content: thought }]) {
      const chunks = chatChunks(['a'], { usage: null });
      const delta = { ...chunks[0], choices: [{ index: 0, delta: said, finish_reason: null }] };
      app.upstream.enqueue(sse([chunks[0], delta, ...chunks.slice(1)]));
      const body = chatBody({ stream: true, stream_options: { include_usage: true } });
      const { chunks: told } = await readStream(await app.tollgate.post(W.chat, body));
      costs.push(told.at(-1)?.usage?.['completion_tokens']);
    }
    expect(costs[0]).toBeGreaterThan(300);
    expect(costs[0]).toBe(costs[1]);
  });
});
