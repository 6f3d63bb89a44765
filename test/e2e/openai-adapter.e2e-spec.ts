import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { CompletionRequest } from '../../src/contracts/openai/completion.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { delayed, failure, json, sse } from '../support/fake-upstream-replies.js';
import {
  chatAnswer,
  completionAnswer,
  completionChunks,
  modelList,
  wireUsage,
} from '../support/fake-upstream-wire.js';
import { callOf, failureOf, HI, KEY, OpenAiHarness, Recorder, textOf } from '../support/openai-harness.js';

const harness = new OpenAiHarness();

beforeEach(() => harness.start());
afterEach(() => harness.stop());

describe('OpenAiAdapter: a whole answer', () => {
  it('brings choices, usage, fingerprint', async () => {
    harness.upstream.enqueue(json(chatAnswer({ content: 'Hello 🙂', n: 2 })));
    await expect(harness.complete()).resolves.toEqual({
      choices: [0, 1].map((index) => ({
        index,
        message: { role: 'assistant', content: 'Hello 🙂', refusal: null },
        finish_reason: 'stop',
        logprobs: null,
      })),
      usage: wireUsage(),
      system_fingerprint: 'fp_fake',
      service_tier: undefined,
    });
  });

  it('sends our key, the request and nothing else', async () => {
    await harness.complete();
    const request = await harness.upstream.nextRequest();
    expect(request.method).toBe('POST');
    expect(request.path).toBe('/v1/chat/completions');
    expect(JSON.parse(request.rawBody)).toEqual(HI);
    expect(request.headers).toEqual({
      host: `127.0.0.1:${harness.upstream.port}`,
      connection: 'keep-alive',
      'user-agent': 'tollgate',
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      'content-length': String(request.rawBody.length),
      accept: 'application/json',
      'accept-encoding': 'identity',
      'x-request-id': 'req_1',
    });
  });

  it('sends no authorization where there is no key', async () => {
    await harness.complete(harness.adapterTo(undefined, { apiKey: undefined }));
    expect((await harness.upstream.nextRequest()).headers).not.toHaveProperty('authorization');
  });

  it.each([
    ['', '/chat/completions'],
    ['/', '/chat/completions'],
    ['/openai/v1/', '/openai/v1/chat/completions'],
    ['/v1?api-version=2', '/v1/chat/completions?api-version=2'],
  ])('takes a base_url that ends in %j', async (suffix, path) => {
    harness.upstream.enqueue(json(chatAnswer()));
    await harness.complete(harness.adapterTo(`http://127.0.0.1:${harness.upstream.port}${suffix}`));
    expect((await harness.upstream.nextRequest()).path).toBe(path);
  });

  it('opens no more connections than allowed, and the rest waits', async () => {
    const adapter = harness.adapterTo(undefined, { maxConnections: 2 });
    harness.upstream.otherwise(delayed(5, json(chatAnswer())));
    await Promise.all(Array.from({ length: 20 }, () => harness.complete(adapter)));
    expect(harness.upstream.connections).toBeLessThanOrEqual(2);
    expect(harness.upstream.requests).toHaveLength(20);
  });

  it('comes over /completions as well', async () => {
    harness.upstream.enqueue(json(completionAnswer({ text: 'once', n: 2 })));
    const request: CompletionRequest = { model: 'm', prompt: ['a', 'b'] };
    const answer = await harness.adapterTo().completeText(callOf(request), new AbortController().signal);
    expect(answer.choices).toEqual(
      [0, 1].map((index) => ({ text: 'once', index, logprobs: null, finish_reason: 'stop' })),
    );
    expect((await harness.upstream.nextRequest()).path).toBe('/v1/completions');
  });
});

describe('OpenAiAdapter: a stream', () => {
  it('brings every chunk and completes', async () => {
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toBe('Hello there!');
    expect(recorder.chunks[0]?.choices[0]).toEqual({
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
    });
    expect(recorder.chunks.at(-2)?.choices[0]).toEqual({ index: 0, delta: {}, finish_reason: 'stop' });
    expect(recorder.chunks.at(-1)).toEqual(expect.objectContaining({ choices: [], usage: wireUsage() }));
  });

  it('always asks for usage, and keeps what else the client asked of the stream', async () => {
    const request = {
      ...HI,
      stream: true,
      stream_options: { include_usage: false, include_obfuscation: false },
    };
    await new Recorder(harness.adapterTo().streamChat(callOf(request), new FlowGate())).ended;
    expect((await harness.upstream.nextRequest()).body).toEqual({
      ...HI,
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    });
  });

  it('is cold: nothing is sent before somebody subscribes, and every subscription is an attempt', async () => {
    const chunks = harness.adapterTo().streamChat(callOf(HI), new FlowGate());
    expect(harness.upstream.requests).toHaveLength(0);
    await new Recorder(chunks).ended;
    await new Recorder(chunks).ended;
    expect(harness.upstream.requests).toHaveLength(2);
  });

  it('leaves the connection open for a later request', async () => {
    const adapter = harness.adapterTo();
    // Not for the very next one: the end of the body comes a moment after [DONE].
    do {
      await harness.stream(adapter).ended;
      await turn();
    } while (!harness.upstream.requests.at(-1)?.reused);
    expect(harness.upstream.connections).toBeLessThan(harness.upstream.requests.length);
  });

  it('comes over /completions as well', async () => {
    harness.upstream.enqueue(sse(completionChunks('one two', { n: 2 })));
    const recorder = new Recorder(
      harness.adapterTo().streamText(callOf({ model: 'm', prompt: 'a' }), new FlowGate()),
    );
    await expect(recorder.ended).resolves.toBeUndefined();
    const texts = recorder.chunks.flatMap(({ choices }) => choices.filter(({ index }) => index === 1));
    expect(texts.map(({ text }) => text).join('')).toBe('one two');
    expect(texts.at(-1)?.finish_reason).toBe('stop');
  });
});

describe('OpenAiAdapter: GET /models', () => {
  it('lists what the upstream has', async () => {
    harness.upstream.enqueue(
      json({
        object: 'list',
        data: [...(modelList('a')['data'] as object[]), { id: 'b', context_length: 8192 }, {}],
      }),
    );
    await expect(harness.adapterTo().listModels(new AbortController().signal)).resolves.toEqual([
      { id: 'a', ownedBy: 'fake', contextLength: undefined, created: 1_760_000_000 },
      { id: 'b', ownedBy: undefined, contextLength: 8192, created: undefined },
    ]);
    expect((await harness.upstream.nextRequest()).path).toBe('/v1/models');
  });

  it('reads a bare list, and refuses what is none', async () => {
    harness.upstream.enqueue(json([{ id: 'a', max_model_len: 4096 }]), json({ models: [] }));
    const adapter = harness.adapterTo();
    const models = await adapter.listModels(new AbortController().signal);
    expect(models).toEqual([expect.objectContaining({ id: 'a', contextLength: 4096 })]);
    const error = await failureOf(adapter.listModels(new AbortController().signal));
    expect(error.code).toBe('upstream_bad_response');
  });

  it('U9: fails as any call does', async () => {
    harness.upstream.enqueue(failure(401));
    const error = await failureOf(harness.adapterTo().listModels(new AbortController().signal));
    expect(error).toMatchObject({ code: 'upstream_error', alert: true });
  });
});
