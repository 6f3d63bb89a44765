import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { controlled, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

/** 100 completion tokens cost one credit; prompts are free, so a hold is exactly what is charged. */
const ONE_CREDIT_MODEL = `
  - id: test/one-credit
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: one-credit } ]
`;
const CHAT = '/api/v1/chat/completions';

describe.each([false, true])('the kept answer to another key’s request (stream: %s)', (stream) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let admin: AdminClient;
  let account: string;
  let serial = 0;

  const ASK = {
    model: 'test/one-credit',
    max_tokens: 100,
    messages: [{ role: 'user', content: 'hi' }],
    stream,
  };

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, ONE_CREDIT_MODEL) });
    admin = new AdminClient(tollgate);
  });
  beforeEach(async () => {
    account = await admin.account(1_000);
    upstream.clear();
    upstream.otherwise((response, request) => {
      const usage = wireUsage(5, 100);
      const reply = stream
        ? sse(chatChunks('some text', { usage }))
        : json(chatAnswer({ content: 'some text', usage }));
      return reply(response, request);
    });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  const keyWith = async (limits: Record<string, unknown> = {}) => {
    const { headers } = await admin.key({ account_id: account, ...limits });
    return headers;
  };
  const newName = () => ({ 'idempotency-key': `k-${stream}-${(serial += 1)}` });
  const ask = (headers: Record<string, string>, name: Record<string, string>) =>
    tollgate.post(CHAT, ASK, { ...headers, ...name });

  it('is not for a key that may not use the model', async () => {
    const name = newName();
    expect((await ask(await keyWith(), name)).status).toBe(200);
    const refused = await ask(await keyWith({ models: [MODEL] }), name);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { code: 'model_not_allowed' } });
  });

  it('is not for a key whose budget could not have paid for it', async () => {
    const name = newName();
    expect((await ask(await keyWith(), name)).status).toBe(200);
    for (const budget of [0, 0.99]) {
      const refused = await ask(await keyWith({ budget }), name);
      expect(refused.status).toBe(429);
      expect(await refused.json()).toMatchObject({ error: { code: 'insufficient_quota' } });
    }
  });

  it('is not for a key whose budget is spent', async () => {
    const name = newName();
    expect((await ask(await keyWith(), name)).status).toBe(200);
    const spender = await keyWith({ budget: 1 });
    await (await ask(spender, newName())).text();
    expect((await ask(spender, name)).status).toBe(429);
  });

  it('is for a key that could have asked for it itself, and costs that key nothing', async () => {
    const name = newName();
    const first = await (await ask(await keyWith(), name)).text();
    const other = await keyWith({ budget: 1, models: [ASK.model] });
    for (let i = 0; i < 2; i += 1) {
      const again = await ask(other, name);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(await again.text()).toBe(first);
    }
    expect(upstream.requests).toHaveLength(1);
  });

  it('is given again to the key that paid for it, though its budget is spent by it', async () => {
    const name = newName();
    const payer = await keyWith({ budget: 1 });
    const first = await (await ask(payer, name)).text();
    expect(await (await ask(payer, name)).text()).toBe(first);
  });

  it('is not for them either while it is still being given', async () => {
    const name = newName();
    const live = controlled();
    if (stream) upstream.enqueue(live.reply);
    else upstream.enqueue(async (response) => live.reply(response, upstream.requests.at(-1)!));
    const first = ask(await keyWith(), name);
    await live.event(chatChunks('some text')[0]);
    expect((await ask(await keyWith({ models: [MODEL] }), name)).status).toBe(403);
    expect((await ask(await keyWith({ budget: 0.99 }), name)).status).toBe(429);
    await live.end();
    await (await first).text();
  });
});
