import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { Observable } from 'rxjs';
import type { UpstreamConfig } from '../../src/config/app-config.js';
import type { ChatCompletionRequest } from '../../src/contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../src/contracts/openai/completion.js';
import type { UpstreamTimeouts } from '../../src/contracts/upstream-timeouts.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { OpenAiAdapter } from '../../src/upstreams/providers/openai/openai.adapter.js';
import { UpstreamError } from '../../src/upstreams/upstream.errors.js';
import type { ChatChunk, UpstreamCall } from '../../src/upstreams/upstream.port.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import {
  controlled,
  delayed,
  endless,
  failure,
  garbage,
  json,
  raw,
  redirect,
  type Reply,
  resetBeforeHead,
  sse,
  stall,
  truncated,
} from '../support/fake-upstream-replies.js';
import {
  chatAnswer,
  chatChunks,
  completionAnswer,
  completionChunks,
  modelList,
  wireError,
  wireUsage,
} from '../support/fake-upstream-wire.js';

const KEY = 'provider-secret-0123456789';
const LEISURELY: UpstreamTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 60_000,
  betweenChunksMs: 60_000,
  totalMs: 180_000,
};
const HI: ChatCompletionRequest = { model: 'fake-model', messages: [{ role: 'user', content: 'hi' }] };

let upstream: FakeUpstream;
const adapters: OpenAiAdapter[] = [];

beforeEach(async () => {
  upstream = await FakeUpstream.start();
});

afterEach(async () => {
  await Promise.all(adapters.splice(0).map((adapter) => adapter.destroy()));
  await upstream.close();
});

function adapterTo(baseUrl = upstream.baseUrl, overrides: Partial<UpstreamConfig> = {}): OpenAiAdapter {
  const adapter = new OpenAiAdapter({
    name: 'fake',
    protocol: 'openai',
    baseUrl,
    apiKey: KEY,
    maxConnections: 50,
    timeouts: LEISURELY,
    discover: false,
    discoveredPricing: undefined,
    ...overrides,
  });
  adapters.push(adapter);
  return adapter;
}

function callOf<Request>(request: Request, timeouts: Partial<UpstreamTimeouts> = {}): UpstreamCall<Request> {
  return { requestId: 'req_1', request, timeouts: { ...LEISURELY, ...timeouts } };
}

async function complete(
  adapter = adapterTo(),
  timeouts: Partial<UpstreamTimeouts> = {},
  signal = new AbortController().signal,
) {
  return adapter.completeChat(callOf(HI, timeouts), signal);
}

/** Leaves one idle connection; undici offers it again a turn of the event loop after the answer. */
async function warm(adapter: OpenAiAdapter): Promise<void> {
  await complete(adapter);
  await turn();
}

/** A subscriber that remembers, and that a test can wait with. */
class Recorder<Chunk = ChatChunk> {
  readonly chunks: Chunk[] = [];
  readonly ended: Promise<UpstreamError | undefined>;
  readonly unsubscribe: () => void;
  private readonly waiters: { count: number; resolve: () => void }[] = [];

  constructor(source: Observable<Chunk>) {
    const end = Promise.withResolvers<UpstreamError | undefined>();
    this.ended = end.promise;
    const subscription = source.subscribe({
      next: (chunk) => {
        this.chunks.push(chunk);
        for (const { count, resolve } of this.waiters) if (this.chunks.length >= count) resolve();
      },
      error: (error: UpstreamError) => end.resolve(error),
      complete: () => end.resolve(undefined),
    });
    this.unsubscribe = () => subscription.unsubscribe();
  }

  async atLeast(count: number): Promise<void> {
    if (this.chunks.length >= count) return;
    await new Promise<void>((resolve) => this.waiters.push({ count, resolve }));
  }
}

function stream(
  adapter = adapterTo(),
  timeouts: Partial<UpstreamTimeouts> = {},
  flow = new FlowGate(),
): Recorder {
  return new Recorder(adapter.streamChat(callOf(HI, timeouts), flow));
}

function textOf(chunks: ChatChunk[]): string {
  return chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('');
}

async function failureOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
}

/** The same fault, met by a whole answer and by a stream. */
async function bothFailures(
  reply: Reply,
  timeouts: Partial<UpstreamTimeouts> = {},
): Promise<UpstreamError[]> {
  upstream.otherwise(reply);
  const recorder = stream(undefined, timeouts);
  const errors = [await failureOf(complete(undefined, timeouts)), await recorder.ended];
  expect(recorder.chunks).toEqual([]);
  return errors.map((error) => {
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error?.message).not.toContain('127.0.0.1');
    expect(error?.message).not.toContain(KEY);
    return error as UpstreamError;
  });
}

describe('a whole answer', () => {
  it('brings choices, usage, fingerprint', async () => {
    upstream.enqueue(json(chatAnswer({ content: 'Hello 🙂', n: 2 })));
    await expect(complete()).resolves.toEqual({
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
    await complete();
    const request = await upstream.nextRequest();
    expect(request.method).toBe('POST');
    expect(request.path).toBe('/v1/chat/completions');
    expect(JSON.parse(request.rawBody)).toEqual(HI);
    expect(request.headers).toEqual({
      host: `127.0.0.1:${upstream.port}`,
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
    await complete(adapterTo(undefined, { apiKey: undefined }));
    expect((await upstream.nextRequest()).headers).not.toHaveProperty('authorization');
  });

  it.each([
    ['', '/chat/completions'],
    ['/', '/chat/completions'],
    ['/openai/v1/', '/openai/v1/chat/completions'],
    ['/v1?api-version=2', '/v1/chat/completions?api-version=2'],
  ])('takes a base_url that ends in %j', async (suffix, path) => {
    upstream.enqueue(json(chatAnswer()));
    await complete(adapterTo(`http://127.0.0.1:${upstream.port}${suffix}`));
    expect((await upstream.nextRequest()).path).toBe(path);
  });

  it('opens no more connections than allowed, and the rest waits', async () => {
    const adapter = adapterTo(undefined, { maxConnections: 2 });
    upstream.otherwise(delayed(5, json(chatAnswer())));
    await Promise.all(Array.from({ length: 20 }, () => complete(adapter)));
    expect(upstream.connections).toBeLessThanOrEqual(2);
    expect(upstream.requests).toHaveLength(20);
  });

  it('comes over /completions as well', async () => {
    upstream.enqueue(json(completionAnswer({ text: 'once', n: 2 })));
    const request: CompletionRequest = { model: 'm', prompt: ['a', 'b'] };
    const answer = await adapterTo().completeText(callOf(request), new AbortController().signal);
    expect(answer.choices).toEqual(
      [0, 1].map((index) => ({ text: 'once', index, logprobs: null, finish_reason: 'stop' })),
    );
    expect((await upstream.nextRequest()).path).toBe('/v1/completions');
  });
});

describe('a stream', () => {
  it('brings every chunk and completes', async () => {
    const recorder = stream();
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
    await new Recorder(adapterTo().streamChat(callOf(request), new FlowGate())).ended;
    expect((await upstream.nextRequest()).body).toEqual({
      ...HI,
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    });
  });

  it('is cold: nothing is sent before somebody subscribes, and every subscription is an attempt', async () => {
    const chunks = adapterTo().streamChat(callOf(HI), new FlowGate());
    expect(upstream.requests).toHaveLength(0);
    await new Recorder(chunks).ended;
    await new Recorder(chunks).ended;
    expect(upstream.requests).toHaveLength(2);
  });

  it('leaves the connection open for a later request', async () => {
    const adapter = adapterTo();
    // Not for the very next one: the end of the body comes a moment after [DONE].
    do {
      await stream(adapter).ended;
      await turn();
    } while (!upstream.requests.at(-1)?.reused);
    expect(upstream.connections).toBeLessThan(upstream.requests.length);
  });

  it('comes over /completions as well', async () => {
    upstream.enqueue(sse(completionChunks('one two', { n: 2 })));
    const recorder = new Recorder(
      adapterTo().streamText(callOf({ model: 'm', prompt: 'a' }), new FlowGate()),
    );
    await expect(recorder.ended).resolves.toBeUndefined();
    const texts = recorder.chunks.flatMap(({ choices }) => choices.filter(({ index }) => index === 1));
    expect(texts.map(({ text }) => text).join('')).toBe('one two');
    expect(texts.at(-1)?.finish_reason).toBe('stop');
  });
});

describe('GET /models', () => {
  it('lists what the upstream has', async () => {
    upstream.enqueue(
      json({
        object: 'list',
        data: [...(modelList('a')['data'] as object[]), { id: 'b', context_length: 8192 }, {}],
      }),
    );
    await expect(adapterTo().listModels(new AbortController().signal)).resolves.toEqual([
      { id: 'a', ownedBy: 'fake', contextLength: undefined, created: 1_760_000_000 },
      { id: 'b', ownedBy: undefined, contextLength: 8192, created: undefined },
    ]);
    expect((await upstream.nextRequest()).path).toBe('/v1/models');
  });

  it('reads a bare list, and refuses what is none', async () => {
    upstream.enqueue(json([{ id: 'a', max_model_len: 4096 }]), json({ models: [] }));
    const adapter = adapterTo();
    const models = await adapter.listModels(new AbortController().signal);
    expect(models).toEqual([expect.objectContaining({ id: 'a', contextLength: 4096 })]);
    const error = await failureOf(adapter.listModels(new AbortController().signal));
    expect(error.code).toBe('upstream_bad_response');
  });

  it('U9: fails as any call does', async () => {
    upstream.enqueue(failure(401));
    const error = await failureOf(adapterTo().listModels(new AbortController().signal));
    expect(error).toMatchObject({ code: 'upstream_error', alert: true });
  });
});

describe('connections', () => {
  it('U1: a refused connection is upstream_unavailable, and safe to retry', async () => {
    const adapter = adapterTo(await FakeUpstream.refused());
    const errors = [await failureOf(complete(adapter)), await stream(adapter).ended];
    for (const error of errors)
      expect(error).toMatchObject({ code: 'upstream_unavailable', safeToRetry: true });
  });

  it('U2: an unknown host fails within the connect deadline, and is safe to retry', async () => {
    const adapter = adapterTo('http://tollgate.invalid/v1', { timeouts: { ...LEISURELY, connectMs: 2_000 } });
    const error = await failureOf(complete(adapter));
    // A resolver that is slow to say no turns the one into the other.
    expect(['upstream_unavailable', 'upstream_timeout']).toContain(error.code);
    expect(error.safeToRetry).toBe(true);
  });

  it('U3: an upstream that never answers is upstream_timeout, and is let go', async () => {
    const errors = await bothFailures(stall(), { totalMs: 100, firstTokenMs: 100 });
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_timeout', safeToRetry: false });
    for (const request of upstream.requests) expect(await request.closed).toBe('aborted');
  });

  it('U3: waiting for a free connection counts, and is safe to retry', async () => {
    const adapter = adapterTo(undefined, { maxConnections: 1 });
    upstream.otherwise(stall());
    const first = stream(adapter);
    await upstream.nextRequest();
    const error = await failureOf(complete(adapter, { totalMs: 50 }));
    expect(error).toMatchObject({ code: 'upstream_timeout', safeToRetry: true });
    first.unsubscribe();
    upstream.clear();
    await complete(adapter);
    expect(upstream.requests).toHaveLength(1);
  });

  it('U4: a reset on a reused connection is retried once, silently, on a fresh one', async () => {
    const adapter = adapterTo();
    await warm(adapter);
    upstream.enqueue(resetBeforeHead(), json(chatAnswer({ content: 'again' })));
    const answer = await complete(adapter);
    expect(answer.choices[0]?.message.content).toBe('again');
    expect(upstream.requests.map(({ reused }) => reused)).toEqual([false, true, false]);
    expect(upstream.connections).toBe(2);
  });

  it('U4: the retry gets a fresh connection also when the pool has other idle ones', async () => {
    const adapter = adapterTo();
    upstream.otherwise(delayed(20, json(chatAnswer())));
    await Promise.all([complete(adapter), complete(adapter), complete(adapter)]);
    await turn();
    upstream.clear();
    upstream.enqueue(resetBeforeHead());
    const recorder = stream(adapter);
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(upstream.requests.map(({ reused }) => reused)).toEqual([true, false]);
  });

  it('U4: a second reset is not retried', async () => {
    const adapter = adapterTo();
    await warm(adapter);
    upstream.clear();
    upstream.otherwise(resetBeforeHead());
    const error = await failureOf(complete(adapter));
    expect(error).toMatchObject({ code: 'upstream_error', safeToRetry: false });
    expect(upstream.requests).toHaveLength(2);
  });

  it('U4: a reset after the first byte of an answer is not retried', async () => {
    const adapter = adapterTo();
    await warm(adapter);
    upstream.clear();
    upstream.otherwise((response) => {
      response.raw('HTTP/1.1 200');
      return response.finish('hang-up');
    });
    await failureOf(complete(adapter));
    expect(upstream.requests).toHaveLength(1);
  });

  it('U5: a reset on a fresh connection after the request was sent is not retried', async () => {
    const errors = await bothFailures(resetBeforeHead());
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_error', safeToRetry: false });
    expect(upstream.requests).toHaveLength(2);
  });
});

describe('error statuses', () => {
  it('U6: 429 carries its retry-after', async () => {
    const errors = await bothFailures(failure(429, 'slow down', { headers: { 'retry-after': '2' } }));
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'upstream_rate_limited',
        retryAfterMs: 2_000,
        upstreamStatus: 429,
      });
  });

  it('U6: 429 because our account there is empty is an outage that alerts', async () => {
    const errors = await bothFailures(
      failure(429, 'You exceeded your current quota', { code: 'insufficient_quota' }),
    );
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_unavailable', alert: true });
  });

  it.each([
    [500, 'upstream_error', false],
    [502, 'upstream_error', false],
    [503, 'upstream_unavailable', true],
    [504, 'upstream_timeout', false],
    [529, 'upstream_unavailable', true],
    [408, 'upstream_timeout', false],
  ])('U8: %i is %s, without the upstream body', async (status, code, safeToRetry) => {
    const errors = await bothFailures(failure(status, `internal host 127.0.0.1 key ${KEY}`));
    for (const error of errors) {
      expect(error).toMatchObject({ code, safeToRetry, upstreamStatus: status });
      expect(error.message).not.toContain('internal');
    }
  });

  it('U8: an error page of any size and make is a plain failure', async () => {
    const page = `<html>${'x'.repeat(1_000_000)}</html>`;
    const errors = await bothFailures(raw(page, { status: 500, headers: { 'content-type': 'text/html' } }));
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_error', upstreamStatus: 500 });
  });

  it.each([401, 403, 404])('U9: %i is our own fault: upstream_error that alerts', async (status) => {
    const errors = await bothFailures(failure(status, 'Incorrect API key provided'));
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_error', alert: true });
  });

  it('U9: a 400 that is about our key does not blame the caller', async () => {
    const errors = await bothFailures(failure(400, 'API key not valid. Please pass a valid API key.'));
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_error', alert: true });
  });

  it('U10: context_length_exceeded passes with its code and text', async () => {
    const text = "This model's maximum context length is 8192 tokens, however you requested 9000.";
    const errors = await bothFailures(
      failure(400, text, { code: 'context_length_exceeded', param: 'messages' }),
    );
    for (const error of errors)
      expect(error).toMatchObject({ code: 'context_length_exceeded', message: text, param: 'messages' });
  });

  it('U10: it is known by its text, and the text that clients look for is there', async () => {
    const errors = await bothFailures(failure(400, 'the request exceeds the available context size'));
    for (const error of errors) {
      expect(error.code).toBe('context_length_exceeded');
      expect(error.message).toContain('maximum context length');
    }
  });

  it.each([400, 422, 413])('U10, S29: %i passes its text without key, host and address', async (status) => {
    const errors = await bothFailures(
      failure(status, `Invalid 'temperature' (key ${KEY}, see https://docs.example.com/x, 127.0.0.1)`, {
        param: 'temperature',
      }),
    );
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'upstream_rejected_request', param: 'temperature' });
      expect(error.message).toContain("Invalid 'temperature'");
      expect(error.message).not.toContain('example.com');
    }
  });

  it('U28: a redirect is not followed, so that no other host sees our key', async () => {
    const other = await FakeUpstream.start();
    for (const status of [301, 302, 307, 308]) {
      const errors = await bothFailures(redirect(`${other.baseUrl}/chat/completions`, status));
      for (const error of errors) expect(error).toMatchObject({ code: 'upstream_bad_response', alert: true });
    }
    expect(other.connections).toBe(0);
    await other.close();
  });
});

describe('answers that are none', () => {
  it.each<[string, Reply]>([
    ['HTML', raw('<html>hi</html>', { headers: { 'content-type': 'text/html' } })],
    [
      'HTML that says it is JSON',
      raw('<html>hi</html>', { headers: { 'content-type': 'application/json' } }),
    ],
    ['an empty body', raw('', { headers: { 'content-type': 'application/json' } })],
    ['an empty body without type', raw('')],
    ['204', raw('', { status: 204 })],
    ['{}', json({})],
    ['null', json(null)],
    ['a list', json([])],
    ['no choices', json({ choices: [] })],
    ['a choice without message', json({ choices: [{ index: 0, finish_reason: 'stop' }] })],
    ['a choice without content and reason', json({ choices: [{ message: { content: null } }] })],
    ['content that is a number', json({ choices: [{ message: { content: 7 }, finish_reason: 'stop' }] })],
    ['no HTTP', garbage()],
  ])('U11: a 200 with %s is upstream_bad_response', async (_, reply) => {
    for (const error of await bothFailures(reply)) expect(error.code).toBe('upstream_bad_response');
  });

  it('U11: an error object inside a 200 is that error', async () => {
    const errors = await bothFailures(json(wireError('busy', { code: 429 })));
    for (const error of errors) expect(error.code).toBe('upstream_rate_limited');
  });

  it.each([0, 1, 40])('U12: a body cut after %i bytes is upstream_bad_response', async (sentBytes) => {
    const errors = await bothFailures(truncated(JSON.stringify(chatAnswer()), sentBytes));
    for (const error of errors) expect(error.code).toBe('upstream_bad_response');
  });

  it('U12: a body that is reset half-way fails as well', async () => {
    upstream.otherwise(truncated(JSON.stringify(chatAnswer()), 40, 'reset'));
    const error = await failureOf(complete());
    expect(['upstream_error', 'upstream_bad_response']).toContain(error.code);
    expect(error.safeToRetry).toBe(false);
  });

  it('bounds the body of an answer', async () => {
    upstream.enqueue(
      raw(Buffer.alloc(65 * 1024 * 1024, ' '), { headers: { 'content-type': 'application/json' } }),
    );
    expect((await failureOf(complete())).code).toBe('upstream_bad_response');
  });

  it.each([-5, Number.NaN, 1e18, 'many', { prompt_tokens: -1 }, [1]])(
    'U14: passes usage %p on as it came, for the meter to judge',
    async (usage) => {
      upstream.enqueue(json(chatAnswer({ usage })), sse(chatChunks('x', { usage })));
      const asSent: unknown = JSON.parse(JSON.stringify({ usage })).usage ?? undefined;
      const adapter = adapterTo();
      expect((await complete(adapter)).usage).toEqual(asSent);
      const recorder = stream(adapter);
      await recorder.ended;
      expect(recorder.chunks.at(-1)?.usage).toEqual(asSent);
    },
  );
});

describe('broken streams', () => {
  it.each([
    [{ code: 429 }, 'upstream_rate_limited'],
    [{ type: 'overloaded_error' }, 'upstream_unavailable'],
    [{ code: 'context_length_exceeded' }, 'context_length_exceeded'],
    [{ type: 'server_error' }, 'upstream_error'],
    [{ code: 502 }, 'upstream_error'],
  ])('U15: an error event %j before any chunk is %s', async (fields, code) => {
    upstream.enqueue(sse([wireError('no', { type: 'x', ...fields })]));
    const recorder = stream();
    await expect(recorder.ended).resolves.toMatchObject({
      code,
    });
    expect(recorder.chunks).toEqual([]);
  });

  it('U15: an event named error is one, whatever its data', async () => {
    upstream.enqueue(sse([], { prelude: 'event: error\ndata: {"message":"x"}\n\n' }));
    await expect(stream().ended).resolves.toMatchObject({ code: 'upstream_error' });
  });

  it('U16: an error event midway ends the stream, and no retry is safe', async () => {
    upstream.enqueue(
      sse([...chatChunks('a b c', { finishReason: null, usage: null }), wireError('x', { code: 429 })]),
    );
    const recorder = stream();
    await expect(recorder.ended).resolves.toMatchObject({
      code: 'upstream_rate_limited',
      safeToRetry: false,
    });
    expect(textOf(recorder.chunks)).toBe('a b c');
  });

  it('U16: a finish_reason that means failure is one', async () => {
    upstream.enqueue(sse(chatChunks('a b', { finishReason: 'error' })));
    await expect(stream().ended).resolves.toMatchObject({ code: 'upstream_error' });
  });

  it('U17: a reset after some chunks is upstream_error, after those chunks', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const recorder = stream();
    for (const chunk of chatChunks('a b c', { finishReason: null, usage: null })) await live.event(chunk);
    await recorder.atLeast(4);
    await live.end('reset');
    await expect(recorder.ended).resolves.toMatchObject({ code: 'upstream_error', safeToRetry: false });
    expect(textOf(recorder.chunks)).toBe('a b c');
  });

  it.each([
    ['clean', []],
    ['clean', chatChunks('a b c', { finishReason: null })],
    ['hang-up', chatChunks('a b c', { finishReason: null })],
    ['clean', chatChunks('a b c', { n: 2 }).filter(({ choices }) => !finishes(choices, 1))],
  ] as const)('U18: a %s end without [DONE] and finish_reason is an error (%#)', async (ending, events) => {
    upstream.enqueue(sse(events, { done: false, ending }));
    await expect(stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U18: [DONE] does not make an unfinished choice finished', async () => {
    upstream.enqueue(sse(chatChunks('a b c', { finishReason: null })));
    await expect(stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U18: an end without [DONE] after every choice has finished is complete', async () => {
    upstream.enqueue(sse(chatChunks('a b c', { n: 2 }), { done: false }));
    await expect(stream().ended).resolves.toBeUndefined();
  });

  it('U18: an event that is cut short is an error', async () => {
    upstream.enqueue(sse(chatChunks('a'), { done: false, prelude: 'data: {"choices":[\n\n' }));
    await expect(stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U23: what comes after [DONE] is ignored, also a second [DONE] and an error', async () => {
    upstream.enqueue(sse([...chatChunks('a b'), '[DONE]', ...chatChunks('c d'), wireError('x'), 'no json']));
    const recorder = stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toBe('a b');
  });

  it('U23: an upstream that goes on for ever after [DONE] is cut off', async () => {
    upstream.enqueue(async (response) => {
      response.head(200, { 'content-type': 'text/event-stream' });
      for (const event of [...chatChunks('a'), '[DONE]']) await response.event(event);
      while (!response.gone) await response.write(': more\n');
    });
    await expect(stream().ended).resolves.toBeUndefined();
    expect(await (await upstream.nextRequest()).closed).toBe('aborted');
  });
});

describe('odd streams', () => {
  const TEXT = 'Grüße 漢字 🙂👩‍👩‍👧 ende';

  it.each(['\n', '\r\n', '\r'] as const)(
    'U20: survives one byte per write (line end %j)',
    async (newline) => {
      upstream.enqueue(sse(chatChunks(TEXT), { writeBytes: 1, newline }));
      const recorder = stream();
      await expect(recorder.ended).resolves.toBeUndefined();
      expect(textOf(recorder.chunks)).toBe(TEXT);
    },
  );

  it('U21: passes one event of 5 MB', async () => {
    const huge = 'é'.repeat(2_500_000);
    upstream.enqueue(sse(chatChunks([huge])));
    const recorder = stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks) === huge).toBe(true);
  });

  it('U21: passes 100,000 events that come at once', async () => {
    const [role, content, ...rest] = chatChunks('x');
    upstream.enqueue(
      sse([role, ...Array.from({ length: 100_000 }, () => content), ...rest], { writeBytes: 2 ** 24 }),
    );
    const recorder = stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toHaveLength(100_000);
  });

  it('U21: refuses an event beyond the limit', async () => {
    upstream.enqueue(sse(chatChunks(['x'.repeat(9 * 1024 * 1024)])));
    await expect(stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U22: reads BOM, comments, ids, events without space, data in several lines', async () => {
    const [first, second, ...rest] = chatChunks('a b').map((chunk) => JSON.stringify(chunk));
    const text = [
      '\uFEFF: welcome\r\n\r\nid: 1\r\nevent: message\r\nretry: 5\r\n',
      `data:${first}\r\n\r\n`,
      `: OPENROUTER PROCESSING\n\ndata: ${second?.replace(',', ',\ndata: ')}\n\n`,
      ...rest.map((event) => `data: ${event}\n\n`),
      'data: [DONE]',
    ].join('');
    upstream.enqueue(raw(text, { headers: { 'content-type': 'text/event-stream' } }));
    const recorder = stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toBe('a b');
  });

  it('U24: a whole answer to a stream becomes chunks', async () => {
    const toolCalls = [{ id: 'call_1', name: 'add', arguments: '{"a":1}' }];
    upstream.enqueue(json(chatAnswer({ toolCalls, reasoning: 'hm' })));
    const recorder = stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(recorder.chunks.map(({ choices, usage }) => ({ choices, usage }))).toEqual([
      {
        choices: [
          {
            index: 0,
            delta: {
              role: 'assistant',
              content: null,
              refusal: null,
              reasoning_content: 'hm',
              tool_calls: [
                { index: 0, id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } },
              ],
            },
            finish_reason: null,
          },
        ],
        usage: undefined,
      },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }], usage: undefined },
      { choices: [], usage: wireUsage() },
    ]);
  });

  it('U24: a stream to a whole answer is collected', async () => {
    const toolCalls = [
      { id: 'call_1', name: 'add', arguments: '{"a":1}' },
      { id: 'call_2', name: 'sub', arguments: '{"b":2}' },
    ];
    upstream.enqueue(
      sse(chatChunks(TEXT, { n: 2, reasoning: ['h', 'm'] })),
      sse(chatChunks('', { toolCalls })),
    );
    const adapter = adapterTo();
    const told = await complete(adapter);
    expect(told.usage).toEqual(wireUsage());
    expect(told.choices).toEqual(
      [0, 1].map((index) => ({
        index,
        message: { role: 'assistant', content: TEXT, refusal: null, reasoning_content: 'hm' },
        finish_reason: 'stop',
        logprobs: null,
      })),
    );
    const called = await complete(adapter);
    expect(called.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: toolCalls.map(({ id, ...rest }) => ({ id, type: 'function', function: rest })),
      },
    });
  });

  it('U24: both ways over /completions', async () => {
    const adapter = adapterTo();
    const request: CompletionRequest = { model: 'm', prompt: 'a' };
    upstream.enqueue(sse(completionChunks('one two')), json(completionAnswer({ text: 'one two' })));
    const answer = await adapter.completeText(callOf(request), new AbortController().signal);
    expect(answer).toEqual({
      choices: [{ text: 'one two', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: wireUsage(),
    });
    const recorder = new Recorder(adapter.streamText(callOf(request), new FlowGate()));
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(recorder.chunks).toEqual([{ choices: answer.choices }, { choices: [], usage: wireUsage() }]);
  });

  it.each(['gzip', 'deflate', 'br'] as const)(
    'U25: decodes %s although nobody asked for it',
    async (encoding) => {
      const adapter = adapterTo();
      upstream.enqueue(
        json(chatAnswer({ content: TEXT }), { encoding }),
        sse(chatChunks(TEXT), { encoding, writeBytes: 7 }),
        sse(chatChunks(TEXT, { finishReason: null }), { encoding }),
        raw('{"error":{"message":"too hot"}}', { status: 400, encoding }),
      );
      expect((await complete(adapter)).choices[0]?.message.content).toBe(TEXT);
      const recorder = stream(adapter);
      await expect(recorder.ended).resolves.toBeUndefined();
      expect(textOf(recorder.chunks)).toBe(TEXT);
      await expect(stream(adapter).ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
      expect((await failureOf(complete(adapter))).message).toBe('too hot');
    },
  );

  it('U25: bounds what it decodes, and refuses what it cannot', async () => {
    upstream.enqueue(
      raw(Buffer.alloc(65 * 1024 * 1024, ' '), { encoding: 'gzip' }),
      raw('nothing compressed', { headers: { 'content-encoding': 'gzip' } }),
      raw('{}', { headers: { 'content-encoding': 'rot13' } }),
    );
    const adapter = adapterTo();
    for (let i = 0; i < 3; i += 1)
      expect((await failureOf(complete(adapter))).code).toBe('upstream_bad_response');
  });
});

describe('time', () => {
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: [
        'nextTick',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
        'performance',
        'hrtime',
        'Date',
      ],
    });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('U26: a chunk every 30 s for 30 minutes is a good stream', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const recorder = stream(adapterTo(), { totalMs: 180_000, firstTokenMs: 60_000, betweenChunksMs: 60_000 });
    const [role, word, ...rest] = chatChunks('x');
    for (let chunks = 1; chunks <= 60; chunks += 1) {
      await live.event(chunks === 1 ? role : word);
      await recorder.atLeast(chunks);
      jest.advanceTimersByTime(30_000);
    }
    for (const chunk of rest) await live.event(chunk);
    await live.end();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(recorder.chunks).toHaveLength(62);
  });

  it('U26: comments keep a stream alive once it has begun', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const recorder = stream();
    const [role, word, ...rest] = chatChunks('x');
    await live.event(role);
    await recorder.atLeast(1);
    jest.advanceTimersByTime(45_000);
    await live.write(': still thinking\n\n');
    await live.event(word);
    await recorder.atLeast(2);
    jest.advanceTimersByTime(45_000);
    for (const chunk of rest) await live.event(chunk);
    await live.end();
    await expect(recorder.ended).resolves.toBeUndefined();
  });

  it('U19: a stream that falls silent is cut at its deadline, not before', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const recorder = stream();
    await live.event(chatChunks('x')[0]);
    await recorder.atLeast(1);
    const request = await upstream.nextRequest();
    jest.advanceTimersByTime(LEISURELY.betweenChunksMs - 1);
    expect(request.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    await expect(recorder.ended).resolves.toMatchObject({ code: 'upstream_timeout', safeToRetry: false });
    expect(await request.closed).toBe('aborted');
  });

  it('U3: comments do not put off the deadline of the first chunk', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const recorder = stream();
    await live.write(': PROCESSING\n\n');
    jest.advanceTimersByTime(LEISURELY.firstTokenMs);
    await expect(recorder.ended).resolves.toMatchObject({ code: 'upstream_timeout' });
  });

  it('U3: a whole answer that comes byte by byte is cut at the total deadline', async () => {
    const live = controlled({ 'content-type': 'application/json' });
    upstream.enqueue(live.reply);
    const answer = failureOf(complete());
    await live.write('{"choices":');
    jest.advanceTimersByTime(LEISURELY.totalMs);
    expect((await answer).code).toBe('upstream_timeout');
  });

  it('K4: the time that we hold an upstream back is not its silence', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const flow = new FlowGate();
    const recorder = stream(adapterTo(), {}, flow);
    const [role, ...rest] = chatChunks('x');
    flow.close();
    await live.event(role);
    await recorder.atLeast(1);
    jest.advanceTimersByTime(10 * LEISURELY.betweenChunksMs);
    for (const chunk of rest) await live.event(chunk);
    await live.end();
    flow.open();
    await expect(recorder.ended).resolves.toBeUndefined();
  });
});

describe('leaving', () => {
  it('K1: an abort before the head closes the connection', async () => {
    upstream.otherwise(stall());
    const leaving = new AbortController();
    const answer = failureOf(complete(undefined, {}, leaving.signal));
    const request = await upstream.nextRequest();
    const leftAtMs = performance.now();
    leaving.abort();
    await answer;
    expect(await request.closed).toBe('aborted');
    expect((request.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(1_000);
  });

  it('K2: unsubscribing midway closes the connection, and nothing is emitted afterwards', async () => {
    upstream.enqueue(endless(chatChunks('x')[1]));
    const recorder = stream();
    await recorder.atLeast(10);
    const leftAtMs = performance.now();
    recorder.unsubscribe();
    const seen = recorder.chunks.length;
    const request = await upstream.nextRequest();
    expect(await request.closed).toBe('aborted');
    expect((request.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(1_000);
    expect(recorder.chunks).toHaveLength(seen);
  });

  it('K2: unsubscribing inside of a read stops within that read', async () => {
    upstream.enqueue(sse(chatChunks('a b c d e'), { writeBytes: 2 ** 20 }));
    const seen: ChatChunk[] = [];
    await new Promise<void>((resolve) => {
      const subscription = adapterTo()
        .streamChat(callOf(HI), new FlowGate())
        .subscribe((chunk) => {
          seen.push(chunk);
          if (seen.length === 2) {
            subscription.unsubscribe();
            resolve();
          }
        });
    });
    await (
      await upstream.nextRequest()
    ).closed;
    expect(seen).toHaveLength(2);
  });

  it('K1: an abort before the call sends nothing', async () => {
    await failureOf(complete(undefined, {}, AbortSignal.abort()));
    expect(upstream.connections).toBe(0);
  });

  it('K1: leaving while waiting for a connection sends nothing', async () => {
    const adapter = adapterTo(undefined, { maxConnections: 1 });
    upstream.otherwise(stall());
    const first = stream(adapter);
    await upstream.nextRequest();
    const waiting = stream(adapter);
    waiting.unsubscribe();
    first.unsubscribe();
    upstream.clear();
    await complete(adapter);
    expect(upstream.requests).toHaveLength(1);
  });

  it('K1: leaving while waiting for a connection does not cost that connection', async () => {
    const adapter = adapterTo(undefined, { maxConnections: 1 });
    const live = controlled({ 'content-type': 'application/json' });
    upstream.enqueue(live.reply);
    const first = complete(adapter);
    await live.opened;
    for (let i = 0; i < 5; i += 1) stream(adapter).unsubscribe();
    const last = complete(adapter);
    await live.write(JSON.stringify(chatAnswer()));
    await live.end('clean', false);
    await Promise.all([first, last]);
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([1, 1]);
  });

  it('K6: leaving at any moment leaks no connection and no rejection', async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): number => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    const adapter = adapterTo();
    upstream.otherwise(sse(chatChunks('a b c d e f g h'), { delayMs: 1 }));
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const leaving = new AbortController();
        const answer = i % 2 ? complete(adapter, {}, leaving.signal).catch(() => undefined) : undefined;
        const recorder = i % 2 ? undefined : stream(adapter);
        await new Promise((resolve) => setTimeout(resolve, i / 3));
        leaving.abort();
        recorder?.unsubscribe();
        await answer;
      }),
    );
    await Promise.all(upstream.requests.map((request) => request.closed));
    await adapter.close();
    while (upstream.openConnections > 0) await turn();
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });

  it('K4: a closed gate holds the upstream back, and an open one lets it go on', async () => {
    upstream.enqueue(endless(chatChunks(['x'.repeat(16_384)])[1]));
    const flow = new FlowGate();
    const recorder = stream(undefined, {}, flow);
    await recorder.atLeast(1);
    flow.close();
    const { response } = await upstream.nextRequest();
    const held = await settled(() => response.bytesSent);
    const seen = recorder.chunks.length;
    expect(await settled(() => recorder.chunks.length)).toBe(seen);
    expect(response.bytesSent).toBe(held);
    flow.open();
    await recorder.atLeast(seen + 2_000);
    recorder.unsubscribe();
  });
});

function finishes(choices: unknown, index: number): boolean {
  return (choices as { index: number; finish_reason: unknown }[]).some(
    (choice) => choice.index === index && choice.finish_reason !== null,
  );
}

/** The value of a counter once it has stopped for a while. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}
