import { afterEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { payingKey } from '../support/paying-key.js';
import { useWireApp } from '../support/wire-app.js';

/** A prompt token costs a hundredth of a credit, an answer nothing; and a model that costs nothing at all. */
const MODELS = `
  - id: test/dear-prompt
    context_length: 1000000
    max_completion_tokens: 1000
    pricing: { prompt: "0.00005", completion: "0" }
    routes: [ { upstream: main, model: dear-prompt } ]
  - id: test/priced
    pricing: { prompt: "0.00005", completion: "0.00005" }
    routes: [ { upstream: main, model: priced } ]
  - id: test/free
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: free } ]
`;
/** The hold counts a framing of seven tokens besides. */
const FRAMING = 7;

const asking = (content: string, fields: object = {}) => ({
  model: 'test/dear-prompt',
  max_tokens: 10,
  messages: [{ role: 'user', content }],
  ...fields,
});

describe('what a prompt costs', () => {
  const app = useWireApp({ models: MODELS });
  afterEach(async () => {
    const broken = await brokenInvariantsOf(app.tollgate);
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  async function keyWith(hundredths: number) {
    const { headers, balance } = await payingKey(app.tollgate, hundredths);
    return {
      balance,
      ask: (body: object) => app.tollgate.post('/v1/chat/completions', body, headers),
      complete: (body: object) => app.tollgate.post('/v1/completions', body, headers),
    };
  }

  it('is what an upstream says that reads it once for each choice', async () => {
    const key = await keyWith(10_000_000);
    app.upstream.enqueue(json(chatAnswer({ usage: wireUsage(1_280_896, 1) })));
    const answer = await key.ask(asking('word '.repeat(8_000), { n: 128 }));
    expect(answer.status).toBe(200);
    expect(await app.tollgate.usageOf(answer)).toMatchObject({
      promptTokens: 1_280_896,
      usageSource: 'upstream',
    });
    expect(await key.balance()).toBe(10_000_000n - 1_280_896n);
  });

  it('is what all calls read that a legacy completion over chat needs', async () => {
    const key = await keyWith(1_000_000);
    app.upstream.otherwise(json(chatAnswer({ usage: wireUsage(44, 1) })));
    const prompt = Array.from({ length: 400 }, () => 'a');
    const answer = await key.complete({ model: 'test/dear-prompt', max_tokens: 1, prompt, suffix: 'z' });
    expect(answer.status).toBe(200);
    expect(await app.tollgate.usageOf(answer)).toMatchObject({
      promptTokens: 400 * 44,
      usageSource: 'upstream',
    });
  });

  it('counts once for each choice in a stream as in its hold: nothing is relayed that nobody paid', async () => {
    const promptTokens = 8 * (5_000 + FRAMING);
    const key = await keyWith(promptTokens + 8 * 512);
    const usage = wireUsage(promptTokens, 14_400);
    app.upstream.enqueue(
      sse(
        chatChunks(
          Array.from({ length: 14_400 }, () => 'word '),
          { usage },
        ),
      ),
    );
    const body = asking('four'.repeat(5_000), { model: 'test/priced', n: 8, stream: true });
    const { max_tokens: _none, ...unlimited } = body;
    const answer = await key.ask(unlimited);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('"finish_reason":"length"');
    expect(text.split('word ').length - 1).toBeLessThanOrEqual(8 * 512);
    expect(await key.balance()).toBeGreaterThanOrEqual(0n);
  });

  it.each([
    ['rare characters', '𠜎𠜱𠝹𠱓'.repeat(2_500)],
    ['digits and signs', '7#1?'.repeat(2_500)],
  ])('is set aside also where it has many tokens for its length: %s', async (_what, content) => {
    const key = await keyWith(3_000);
    expect((await key.ask(asking(content))).status).toBe(429);
    expect(app.upstream.requests).toEqual([]);
    expect(await key.balance()).toBe(3_000n);
  });

  it.each([
    ['Chinese', '今天天气很好，我们一起去公园散步吧。'.repeat(100)],
    ['Russian', 'Сегодня хорошая погода, пойдём гулять в парк. '.repeat(100)],
    ['code', 'if (a[i] !== b[i]) { return i + 1; }\n'.repeat(100)],
  ])(
    'is counted where there is enough for it, but not for all that its length could have: %s',
    async (_what, content) => {
      const rich = await keyWith(1_000_000);
      app.upstream.otherwise(json(chatAnswer({ usage: null })));
      const counted = (await app.tollgate.usageOf(await rich.ask(asking(content))))?.promptTokens ?? 0;
      expect(counted).toBeGreaterThan(100);
      const key = await keyWith(counted);
      expect((await key.ask(asking(content))).status).toBe(200);
      expect(await key.balance()).toBe(0n);
      const poor = await keyWith(counted - 1);
      expect((await poor.ask(asking(content))).status).toBe(429);
    },
  );

  it('leaves a stream what was set aside for it and is not needed, where there is nothing else', async () => {
    const content = '今天天气很好，我们一起去公园散步吧。'.repeat(100);
    const rich = await keyWith(1_000_000);
    app.upstream.enqueue(json(chatAnswer({ usage: null })));
    const counted = (await app.tollgate.usageOf(await rich.ask(asking(content))))?.promptTokens ?? 0;
    const key = await keyWith(counted + 3_000);
    app.upstream.enqueue(sse(chatChunks(Array.from({ length: 5_000 }, () => 'word '))));
    const { max_tokens: _none, ...unlimited } = asking(content, { model: 'test/priced', stream: true });
    const text = await (await key.ask(unlimited)).text();
    expect(text).toContain('"finish_reason":"length"');
    // An event of five bytes is taken for two tokens at most while it is relayed.
    expect(text.split('word ').length - 1).toBeGreaterThan(1_490);
    expect(await key.balance()).toBeLessThan(1_510n);
  });

  it('is stored, and its hold closed, whatever a free model claims', async () => {
    const key = await keyWith(0);
    const usage = wireUsage(9_000_000_000, 8_000_000_000);
    app.upstream.enqueue(sse(chatChunks('Hi', { usage })));
    const limits = { n: 128, max_tokens: 2_147_483_647 };
    const answer = await key.ask({ ...asking('hi', limits), model: 'test/free', stream: true });
    expect(await answer.text()).toContain('[DONE]');
    expect(await app.tollgate.usageOf(answer)).toMatchObject({
      outcome: 'completed',
      completionTokens: 2_147_483_647,
      usageSource: 'estimated',
    });
    const open = await app.tollgate.app
      .get(Database)
      .kysely.selectFrom('holds')
      .select('request_id')
      .where('state', '=', 'open')
      .execute();
    expect(open).toEqual([]);
  });
});
