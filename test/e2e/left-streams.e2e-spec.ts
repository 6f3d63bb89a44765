import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { UsageRecord } from '../../src/billing/usage.repository.js';
import { billOf, billsOfClient, expectNothingOpen } from '../support/aftermath.js';
import { askChat } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { user } from '../support/histories.js';
import { eventually } from '../support/eventually.js';
import { ANTHROPIC_KEY, anthropicEvents, FakeAnthropic } from '../support/fake-anthropic.js';
import { FakeGemini, GEMINI_KEY, geminiChunk } from '../support/fake-gemini.js';
import { controlled, endless, sse } from '../support/fake-upstream-replies.js';
import { chatChunks, completionChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { openStream } from '../support/fake-vendor.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { payingKey } from '../support/paying-key.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { chatBody, completionBody, SURFACES, W } from '../support/wire-surfaces.js';

const THINKER = 'test/thinker';
const OPEN_THINKER = 'test/open-thinker';
const MODELS = `
  - id: ${THINKER}
    reasoning: true
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [{ upstream: main, model: thinker }]
  - id: ${OPEN_THINKER}
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [{ upstream: main, model: open-thinker }]
  - id: test/fresh
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [{ upstream: main, model: fresh }]`;

const HIDDEN = {
  prompt_tokens: 9,
  completion_tokens: 20_003,
  total_tokens: 20_012,
  completion_tokens_details: { reasoning_tokens: 20_000 },
};
const EVENTS = chatChunks(undefined, { usage: HIDDEN });
const [ROLE, HELLO, THERE, FINISH, USAGE] = EVENTS;
/** 9 × 0.0000003 + 20,003 × 0.0000025 USD, in hundredths of 0.005. */
const WHOLE_PRICE = 1_001n;

let serial = 0;

describe('a client that leaves after the last word', () => {
  const app = useWireApp({ models: MODELS });
  const open: RawClient[] = [];
  afterEach(() => {
    for (const client of open.splice(0)) client.close();
  });

  async function ask(path: string, body: object, key = app.tollgate.key) {
    const id = `left-${(serial += 1)}`;
    const headers = { authorization: `Bearer ${key}`, 'x-request-id': id };
    const client = await RawClient.ask(app.tollgate.port, httpRequest(path, { headers, body }));
    open.push(client);
    return { client, id, upstream: await app.upstream.nextRequest() };
  }

  async function row(id: string): Promise<UsageRecord> {
    return eventually(async () => (await billsOfClient(app, id))[0], 'its row');
  }

  it.each(SURFACES)('pays what a client pays that stays ($name)', async (surface) => {
    app.upstream.enqueue(sse(EVENTS));
    const stayed = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
    await stayed.text();
    expect(await billOf(app, stayed)).toMatchObject({ creditHundredths: WHOLE_PRICE });

    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client, id } = await ask(surface.chat, chatBody({ stream: true }));
    for (const event of [ROLE, HELLO, THERE]) await live.event(event);
    await client.seen(' there!');
    client.reset();
    await sleep(100);
    await live.event(FINISH);
    await live.event(USAGE);
    await live.end();
    expect(await row(id)).toMatchObject({
      outcome: 'client_left',
      usageSource: 'upstream',
      promptTokens: 9,
      completionTokens: 20_003,
      reasoningTokens: 20_000,
      creditHundredths: WHOLE_PRICE,
    });
    await expectNothingOpen(app);
  });

  it('pays them over a native /completions as well, and over chat', async () => {
    for (const model of ['test/native', MODEL]) {
      const live = controlled();
      app.upstream.enqueue(live.reply);
      const native = model !== MODEL;
      // It may have no more than 4,096.
      const usage = {
        ...HIDDEN,
        completion_tokens: 4_003,
        completion_tokens_details: { reasoning_tokens: 4_000 },
      };
      const events = native ? completionChunks(undefined, { usage }) : chatChunks(undefined, { usage });
      const { client, id } = await ask(
        W.completions,
        completionBody({ model, max_tokens: 4_096, stream: true }),
      );
      const end = native ? -1 : -2;
      for (const event of events.slice(0, end)) await live.event(event);
      await client.seen(' there!');
      client.reset();
      await sleep(100);
      for (const event of events.slice(end)) await live.event(event);
      await live.end();
      expect(await row(id)).toMatchObject({ outcome: 'client_left', completionTokens: 4_003 });
    }
  });

  it('does not pay for words that it was not given', async () => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client, id } = await ask(W.chat, chatBody({ stream: true }));
    await live.event(HELLO);
    await client.seen('"content":"Hello"');
    client.reset();
    await sleep(100);
    for (const event of [THERE, FINISH, USAGE]) await live.event(event);
    await live.end();
    // " there!" is two of them.
    expect(await row(id)).toMatchObject({ usageSource: 'estimated', completionTokens: 20_001 });
  });

  it('is stopped within a second where the upstream goes on, or says nothing, and pays its part', async () => {
    app.upstream.enqueue(endless(HELLO));
    const busy = await ask(W.chat, chatBody({ model: 'test/fresh', stream: true }));
    await busy.client.seen('"content":"Hello"', 5);
    const leftAtMs = performance.now();
    busy.client.reset();
    expect(await busy.upstream.closed).toBe('aborted');
    expect(performance.now() - leftAtMs).toBeLessThan(1_000);
    expect(await row(busy.id)).toMatchObject({ outcome: 'client_left', usageSource: 'counted' });

    const live = controlled();
    app.upstream.enqueue(live.reply);
    const silent = await ask(W.chat, chatBody({ model: 'test/fresh', stream: true }));
    await live.event(HELLO);
    await silent.client.seen('Hello');
    const thenMs = performance.now();
    silent.client.reset();
    expect(await silent.upstream.closed).toBe('aborted');
    expect(performance.now() - thenMs).toBeLessThan(1_000);
    expect(await row(silent.id)).toMatchObject({ completionTokens: 1, usageSource: 'counted' });
  });

  it.each([
    { why: 'the catalogue says that it thinks', model: THINKER, first: HELLO, more: {} },
    { why: 'the request asks for it', model: MODEL, first: HELLO, more: { reasoning_effort: 'high' } },
    {
      why: 'it was seen to think',
      model: OPEN_THINKER,
      first: chatChunks([], { reasoning: ['Well'], usage: null, finishReason: null })[1],
      more: {},
    },
  ])('is heard out for longer where $why', async ({ model, first, more }) => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client, id } = await ask(W.chat, chatBody({ model, stream: true, ...more }));
    await live.event(first);
    await client.seen('"role":"assistant"');
    client.reset();
    await sleep(1_500);
    await live.event(FINISH);
    await live.event(USAGE);
    await live.end();
    expect(await row(id)).toMatchObject({ outcome: 'client_left', completionTokens: 20_003 });
  });

  it('pays for the time until the first word where the usage of a model that thinks is not near', async () => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client, id, upstream } = await ask(W.chat, chatBody({ model: THINKER, stream: true }));
    await live.opened;
    await sleep(500);
    await live.event(HELLO);
    await client.seen('Hello');
    client.reset();
    await sleep(50);
    await live.event(chatChunks(['x '.repeat(4_000)])[1]);
    expect(await upstream.closed).toBe('aborted');
    const bill = await row(id);
    expect(bill).toMatchObject({ outcome: 'client_left', usageSource: 'estimated' });
    expect(bill.completionTokens).toBeGreaterThan(45);
    expect(bill.reasoningTokens).toBe(bill.completionTokens - 1);
  });

  it('never pays more for thoughts that nobody reported than its hold covers', async () => {
    const { secret: key } = await payingKey(app.tollgate, 10_000);
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const body = chatBody({ model: THINKER, stream: true, max_tokens: 20 });
    const { client, id } = await ask(W.chat, body, key);
    await live.opened;
    await sleep(600);
    await live.event(HELLO);
    await client.seen('Hello');
    client.reset();
    await sleep(50);
    await live.event(chatChunks(['x '.repeat(30)])[1]);
    await live.event(chatChunks(['y '.repeat(4_000)])[1]);
    expect(await row(id)).toMatchObject({ completionTokens: 20 });
  });

  it('learns of a model that thinks from what it reports', async () => {
    app.upstream.enqueue(sse(EVENTS));
    await (await app.tollgate.post(W.chat, chatBody({ stream: true }))).text();
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client, id } = await ask(W.chat, chatBody({ stream: true }));
    await live.opened;
    await sleep(400);
    await live.event(HELLO);
    await client.seen('Hello');
    client.reset();
    expect(await row(id)).toMatchObject({ outcome: 'client_left', usageSource: 'estimated' });
    expect((await row(id)).completionTokens).toBeGreaterThan(35);
  });

  it('frees its slot at once, and its place in a conversation', async () => {
    const { secret: key } = await app.tollgate.newKey({ maxConcurrency: 1 });
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client } = await ask(W.chat, chatBody({ model: THINKER, stream: true }), key);
    await live.event(HELLO);
    await client.seen('Hello');
    client.close();
    await eventually(async () => {
      const response = await app.tollgate.post(W.chat, chatBody(), { authorization: `Bearer ${key}` });
      return response.status === 200;
    }, 'the slot');
    expect(app.upstream.requests[0]?.aborted).toBe(false);
    await live.event(FINISH);
    await live.event(USAGE);
    await live.end();

    const model = await newChatbot(app.tollgate, { model: THINKER });
    const next = controlled();
    app.upstream.clear();
    app.upstream.enqueue(next.reply);
    const talk = { model, conversation_id: 'one', stream: true };
    const left = await ask(W.chat, { ...talk, messages: [user('lost')] });
    await next.event(HELLO);
    await left.client.seen('Hello');
    left.client.reset();
    await sleep(50);
    const answered = await askChat(app.tollgate, { ...talk, messages: [user('again')] });
    expect(answered.status).toBe(200);
    expect(JSON.stringify(app.upstream.requests.at(-1)?.body['messages'])).not.toContain('Hello');
    expect(app.upstream.requests[0]?.aborted).toBe(false);
    await next.event(FINISH);
    await next.event(USAGE);
    await next.end();
    // Its chatbot's limit.
    expect(await row(left.id)).toMatchObject({ outcome: 'client_left', completionTokens: 4_096 });
    await expectNothingOpen(app);
  });

  it('leaves no more than so many streams of a key to be heard out', async () => {
    app.upstream.otherwise((response) => {
      response.head(200, { 'content-type': 'text/event-stream' });
      void response.event(HELLO);
    });
    const { secret: key } = await payingKey(app.tollgate, 10_000_000);
    const leavers = [];
    for (let n = 0; n < 20; n += 1) {
      const one = await ask(W.chat, chatBody({ model: THINKER, stream: true, max_tokens: 100 }), key);
      await one.client.seen('Hello');
      leavers.push(one);
      one.client.close();
    }
    // On a slow machine the first may have come to the end of their time as well.
    await eventually(() => app.upstream.requests.filter(({ aborted }) => aborted).length >= 4, 'room');
    for (const { id } of leavers.slice(0, 4)) expect(await row(id)).toMatchObject({ outcome: 'client_left' });
    for (const { response } of app.upstream.requests) response.reset();
    for (const { id } of leavers) await row(id);
  });

  it('of a batch over chat begins no other call, and pays for those that were made', async () => {
    const lives = Array.from({ length: 4 }, () => controlled());
    app.upstream.enqueue(...lives.map(({ reply }) => reply));
    const prompt = Array.from({ length: 50 }, (_, n) => `${n} ${'word '.repeat(20)}`);
    const { client, id } = await ask(
      W.completions,
      completionBody({ prompt, max_tokens: 30_000, stream: true }),
    );
    await eventually(() => app.upstream.requests.length === 4, 'four calls');
    for (const live of lives) await live.event(HELLO);
    await client.seen('"text":"Hello"', 4);
    client.reset();
    await sleep(100);
    for (const live of lives) {
      await live.event(FINISH);
      await live.event(USAGE);
      await live.end();
    }
    expect(await row(id)).toMatchObject({
      outcome: 'client_left',
      promptTokens: 4 * 9,
      completionTokens: 4 * 20_003,
    });
    expect(app.upstream.requests).toHaveLength(4);
  });
});

describe('a client that leaves a batch of a model that thinks', () => {
  const app = useWireApp({ models: MODELS });

  it('pays for the thoughts of every call whose usage is not near, and of one that told it by that', async () => {
    const lives = Array.from({ length: 3 }, () => controlled());
    app.upstream.enqueue(...lives.map(({ reply }) => reply));
    const body = completionBody({
      model: THINKER,
      prompt: ['a', 'b', 'c'],
      max_tokens: 30_000,
      stream: true,
    });
    const headers = { authorization: `Bearer ${app.tollgate.key}`, 'x-request-id': 'left-batch' };
    const client = await RawClient.ask(app.tollgate.port, httpRequest(W.completions, { headers, body }));
    await eventually(() => app.upstream.requests.length === 3, 'three calls');
    await sleep(500);
    for (const live of lives) await live.event(HELLO);
    await client.seen('"text":"Hello"', 3);
    client.reset();
    await sleep(100);
    const [told, ...silent] = lives;
    for (const event of [FINISH, USAGE]) await told?.event(event);
    await told?.end();
    await sleep(100);
    await silent[0]?.event(chatChunks(['x '.repeat(4_000)])[1]);
    const bill = await eventually(async () => (await billsOfClient(app, 'left-batch'))[0], 'its row');
    expect(bill).toMatchObject({ outcome: 'client_left', usageSource: 'estimated' });
    // Two hundred a second and more for two calls, beside what the first one reported; the unread words come off that.
    expect(bill.completionTokens).toBeGreaterThan(20_003 - 4_001 + 90);
    expect(bill.reasoningTokens).toBeGreaterThan(90);
    await expectNothingOpen(app);
  });
});

describe('the end of the process while a stream is heard out', () => {
  it('settles what is left, within the time that shutdown has', async () => {
    const upstream = await FakeUpstream.start();
    const tollgate = await Tollgate.start({
      yaml: catalogueYaml(upstream.baseUrl, MODELS),
      env: { DRAIN_TIMEOUT_MS: '300' },
    });
    try {
      const live = controlled();
      upstream.enqueue(live.reply);
      const headers = { authorization: `Bearer ${tollgate.key}` };
      const body = chatBody({ model: THINKER, stream: true });
      const client = await RawClient.ask(tollgate.port, httpRequest(W.chat, { headers, body }));
      await live.event(HELLO);
      await client.seen('Hello');
      client.reset();
      await sleep(100);
    } finally {
      const askedAtMs = performance.now();
      await tollgate.close();
      // Its ten seconds are not waited for.
      expect(performance.now() - askedAtMs).toBeLessThan(5_000);
    }
    expect(upstream.requests[0]?.aborted).toBe(true);
    await upstream.close();
  });
});

describe("a client that leaves a vendor's own protocol", () => {
  const anthropic = new FakeAnthropic();
  const gemini = new FakeGemini();
  let tollgate: Tollgate;

  beforeAll(async () => {
    await Promise.all([anthropic.start(), gemini.start()]);
    tollgate = await Tollgate.start({
      env: { ANTHROPIC: ANTHROPIC_KEY, GEMINI: GEMINI_KEY },
      yaml: `
upstreams:
  claude: { protocol: anthropic, base_url: "${anthropic.baseUrl}", api_key: "\${ANTHROPIC}" }
  sandbox: { protocol: sandbox }
  google: { protocol: google, base_url: "${gemini.baseUrl}", api_key: "\${GEMINI}" }
models:
  - id: claude
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [{ upstream: claude, model: claude-test }]
  - id: gemini
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [{ upstream: google, model: gemini-test }]`,
    });
  });
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await Promise.all([anthropic.stop(), gemini.stop()]);
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  afterEach(() => {
    anthropic.reset();
    gemini.reset();
  });

  it.each(['claude', 'gemini'])('after the last word pays what it thought unseen (%s)', async (model) => {
    const more = Promise.withResolvers<void>();
    const events = anthropicEvents({
      content: [{ type: 'text', text: 'Hello there.' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 12, output_tokens: 20_003 },
    });
    anthropic.next(async (_, response) => {
      openStream(response);
      response.write(events.slice(0, -2).join(''));
      await more.promise;
      response.end(events.slice(-2).join(''));
    });
    gemini.next(async (_, response) => {
      openStream(response);
      response.write(geminiChunk([{ text: 'Hello there.' }]));
      await more.promise;
      const usageMetadata = {
        promptTokenCount: 12,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 20_000,
        totalTokenCount: 20_015,
      };
      response.end(geminiChunk([{ text: '' }], { usageMetadata }, 'STOP'));
    });
    const id = `vendor-${model}`;
    const headers = { authorization: `Bearer ${tollgate.key}`, 'x-request-id': id };
    const body = chatBody({ model, stream: true });
    const client = await RawClient.ask(tollgate.port, httpRequest(W.chat, { headers, body }));
    await client.seen('Hello');
    client.reset();
    await sleep(100);
    more.resolve();
    const rows = await eventually(async () => {
      const all = (await tollgate.allUsage()).filter(({ clientRequestId }) => clientRequestId === id);
      return all.length > 0 && all;
    }, 'its row');
    expect(rows).toMatchObject([
      { outcome: 'client_left', promptTokens: 12, completionTokens: 20_003, creditHundredths: 1_001n },
    ]);
  });

  it('of the sandbox pays what it was given, whatever comes in the meantime', async () => {
    const id = 'vendor-sandbox';
    const headers = { authorization: `Bearer ${tollgate.key}`, 'x-request-id': id };
    const body = chatBody({ model: 'sandbox/slow', stream: true, max_tokens: 16 });
    const client = await RawClient.ask(tollgate.port, httpRequest(W.chat, { headers, body }));
    await client.seen('"content":"', 5);
    client.close();
    const given = client.text.split('"content":"').length - 2;
    const row = await eventually(
      async () => (await tollgate.allUsage()).find(({ clientRequestId }) => clientRequestId === id),
      'its row',
    );
    expect(row.outcome).toBe('client_left');
    expect(row.completionTokens).toBeGreaterThanOrEqual(given);
    expect(row.completionTokens).toBeLessThan(16);
  });
});
