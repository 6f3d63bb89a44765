import { describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { newChatbot } from '../support/chatbots.js';
import { eventually } from '../support/eventually.js';
import { json, type Reply, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { readStream } from '../support/wire-stream.js';
import { Q, SURFACES, W } from '../support/wire-surfaces.js';

interface Answer {
  model: string;
  choices: { text: string; index: number; logprobs: unknown; finish_reason: string }[];
  usage: Record<string, unknown>;
}

/** A hundred prompt tokens of the first cost one credit; the second reads and writes little. */
const MODELS = `
  - id: test/dear-prompt
    context_length: 100000
    max_completion_tokens: 100
    pricing: { prompt: "0.00005", completion: "0" }
    routes: [ { upstream: main, model: dear-prompt } ]
  - id: test/small
    context_length: 1000
    max_completion_tokens: 1000
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: main, model: small } ]
`;

const BOT = { role: 'system', content: 'You are Bot.' };
const user = (content: string) => ({ role: 'user', content });

describe('a legacy completion by a chatbot', () => {
  const app = useWireApp({ models: MODELS });

  const post = (path: string, body: object, secret = app.tollgate.key): Promise<Response> =>
    app.tollgate.post(path, { prompt: 'Once upon', ...body }, { authorization: `Bearer ${secret}` });

  async function ask(path: string, body: object): Promise<{ answer: Answer; response: Response }> {
    const response = await post(path, body);
    const answer = (await response.json()) as Answer;
    expect({ status: response.status, answer }).toMatchObject({ status: 200 });
    return { answer, response };
  }

  const sent = () => app.upstream.requests.map(({ body }) => body);

  /** Signed hundredths that a request was charged. */
  async function chargeOf(response: Response): Promise<bigint | undefined> {
    const usage = await app.tollgate.usageOf(response);
    const entry = await app.tollgate.app
      .get(Database)
      .kysely.selectFrom('ledger_entries')
      .select('amount_hundredths')
      .where('request_id', '=', usage?.requestId ?? '')
      .executeTakeFirst();
    return entry?.amount_hundredths;
  }

  describe.each(SURFACES)('on $base', ({ completions }) => {
    it('is a chat with its system prompt first and its own defaults, and names the chatbot', async () => {
      const bot = await newChatbot(app.tollgate);
      const { answer } = await ask(completions, { model: bot });
      expect(app.upstream.requests.map(({ path }) => path)).toEqual(['/v1/chat/completions']);
      expect(sent()).toEqual([
        {
          model: 'upstream-model',
          messages: [BOT, user('Once upon')],
          temperature: 0.7,
          top_p: 1,
          max_tokens: 4096,
        },
      ]);
      expect(answer).toMatchObject({
        object: 'text_completion',
        model: bot,
        choices: [{ text: 'Hello there!', index: 0, finish_reason: 'stop' }],
        usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
      });
      expect(JSON.stringify(answer)).not.toContain(BOT.content);
    });

    it('streams the same', async () => {
      const bot = await newChatbot(app.tollgate);
      const { chunks } = await readStream(await post(completions, { model: bot, stream: true }));
      expect(sent()[0]).toMatchObject({ messages: [BOT, user('Once upon')], temperature: 0.7, stream: true });
      expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set([bot]));
      expect(chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).join('')).toBe('Hello there!');
    });

    it("does not know another account's, one that never was, or one that is not published", async () => {
      const { secret, accountId } = await app.tollgate.newKey();
      const theirs = await newChatbot(app.tollgate);
      const draft = await newChatbot(app.tollgate, {}, { accountId, publishedVersion: undefined });
      for (const model of [theirs, `bot_${'0'.repeat(32)}`, draft, `${draft}@draft`]) {
        const response = await post(completions, { model }, secret);
        const { error } = (await response.json()) as { error: Record<string, unknown> };
        expect({ status: response.status, error }).toMatchObject({
          status: 404,
          error: { code: 'model_not_found', message: expect.stringContaining(`\`${model}\` does not exist`) },
        });
      }
      expect(app.upstream.requests).toEqual([]);
    });
  });

  it('is answered by a draft to a key that may manage chatbots, and asks for it by name', async () => {
    const draft = await newChatbot(app.tollgate, {}, { publishedVersion: undefined });
    expect((await post(W.completions, { model: draft })).status).toBe(404);
    const { answer } = await ask(W.completions, { model: `${draft}@draft` });
    expect(answer.model).toBe(`${draft}@draft`);
  });

  it('is charged, and told of, like any request to the model behind it', async () => {
    const bot = await newChatbot(app.tollgate);
    app.upstream.otherwise(json(chatAnswer({ usage: wireUsage(22, 495) })));
    const { answer, response } = await ask(Q.completions, { model: bot });
    expect(answer.usage).toMatchObject({ total_credit: 0.25, total_cost: 0.0012441 });
    expect(await app.tollgate.usageOf(response)).toMatchObject({
      endpoint: 'completions',
      model: MODEL,
      promptTokens: 22,
      completionTokens: 495,
      usageSource: 'upstream',
      creditHundredths: 25n,
      context: { chatbot: { id: bot, version: 1 } },
    });
    expect(await chargeOf(response)).toBe(-25n);
    expect(await brokenInvariantsOf(app.tollgate)).toEqual([]);
  });

  it('sets credit aside for the system prompt, once for each prompt', async () => {
    const { secret, accountId } = await app.tollgate.newKey({}, 1_500n);
    const settings = { model: 'test/dear-prompt', systemPrompt: 'word '.repeat(800) };
    const bot = await newChatbot(app.tollgate, settings, { accountId });
    app.upstream.otherwise(json(chatAnswer({ usage: wireUsage(1_000, 5) })));
    const two = await post(W.completions, { model: bot, prompt: ['a', 'b'] }, secret);
    expect({ status: two.status, body: await two.json() }).toMatchObject({
      status: 429,
      body: { error: { code: 'insufficient_quota' } },
    });
    expect(app.upstream.requests).toEqual([]);
    const one = await post(W.completions, { model: bot, prompt: ['a'] }, secret);
    expect(one.status).toBe(200);
    expect(await chargeOf(one)).toBe(-1_000n);
  });

  it('counts the system prompt where the upstream counts nothing', async () => {
    const systemPrompt = 'One two three four five six seven eight nine ten.';
    const chatbots = [await newChatbot(app.tollgate, { systemPrompt: '' })];
    chatbots.push(await newChatbot(app.tollgate, { systemPrompt }));
    const uncounted: Reply = json({ ...chatAnswer(), usage: undefined });
    const counts: number[] = [];
    for (const model of chatbots) {
      app.upstream.otherwise(uncounted);
      const { response } = await ask(W.completions, { model });
      counts.push((await app.tollgate.usageOf(response))?.promptTokens ?? 0);
    }
    // Eleven tokens and the framing of a message.
    expect(counts[1]! - counts[0]!).toBe(11 + 4);
  });

  it('lets a request set what the chatbot lets it, and nothing else', async () => {
    const sampling = { temperature: 0.1, max_tokens: 50 };
    const bot = await newChatbot(app.tollgate, { sampling, overrides: ['max_tokens'] });
    await ask(W.completions, { model: bot, temperature: 1.9, max_tokens: 7, n: 3, best_of: 3 });
    expect(sent()[0]).toMatchObject({ temperature: 0.1, max_tokens: 7 });
    expect(sent()[0]).not.toHaveProperty('n');
  });

  it('answers each prompt with n choices, echoed without the system prompt', async () => {
    const bot = await newChatbot(app.tollgate);
    app.upstream.otherwise(json(chatAnswer({ n: 2 })));
    const { answer } = await ask(W.completions, { model: bot, prompt: ['a', 'b'], n: 2, echo: true });
    expect(sent().map(({ messages }) => messages)).toEqual(
      expect.arrayContaining([
        [BOT, user('a')],
        [BOT, user('b')],
      ]),
    );
    expect(answer.choices.map(({ index, text }) => [index, text.slice(0, 6)])).toEqual([
      [0, 'aHello'],
      [1, 'aHello'],
      [2, 'bHello'],
      [3, 'bHello'],
    ]);
  });

  it("keeps its system prompt before a suffix, which is the caller's word and no instruction", async () => {
    const strict = await newChatbot(app.tollgate);
    const lenient = await newChatbot(app.tollgate, { acceptsInstructions: true });
    for (const model of [strict, lenient]) await ask(W.completions, { model, suffix: 'Obey me.' });
    const roles = sent().map(({ messages }) => (messages as { role: string }[]).map(({ role }) => role));
    expect(roles).toEqual([
      ['system', 'user', 'user'],
      ['system', 'system', 'user'],
    ]);
    for (const { messages } of sent()) expect((messages as unknown[])[0]).toEqual(BOT);
  });

  it('goes over chat also where the model behind it has legacy completions', async () => {
    const bot = await newChatbot(app.tollgate, { model: 'test/native' });
    await ask(W.completions, { model: bot });
    expect(app.upstream.requests[0]?.path).toBe('/v1/chat/completions');
  });

  it('asks for no more than the context length of the model leaves', async () => {
    const bot = await newChatbot(app.tollgate, { model: 'test/small' });
    await ask(W.completions, { model: bot, prompt: ['hi', 'word '.repeat(400)] });
    const limits = sent().map(({ max_tokens: limit }) => limit as number);
    // 400 words, the space at their end, the system prompt and the framing.
    expect(limits[0]).toBeGreaterThan(550);
    expect(limits[0]).toBeLessThan(600);
    expect(limits[1]).toBe(limits[0]);
  });

  it('refuses a variable that nobody fills before the upstream is called, and tells where its value can come from', async () => {
    const bot = await newChatbot(app.tollgate, { systemPrompt: 'Speak {{tongue}}.' });
    const said =
      "Missing variable 'tongue': legacy completions have no 'metadata', so its value must come from the chatbot's " +
      "'variables', or from 'metadata.tongue' of a chat completion.";
    const response = await post(W.completions, { model: bot });
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 400,
      body: { error: { param: 'metadata', message: said } },
    });
    expect(app.upstream.requests).toEqual([]);
  });

  it('may be used by a key that may not use the model behind it, but not the other way round', async () => {
    const { accountId } = await app.tollgate.newKey();
    const bot = await newChatbot(app.tollgate, {}, { accountId });
    const forBot = await app.tollgate.newKey({ accountId, allowedModels: [bot] });
    expect((await post(W.completions, { model: bot }, forBot.secret)).status).toBe(200);
    expect((await post(W.completions, { model: MODEL }, forBot.secret)).status).toBe(403);
    const forModel = await app.tollgate.newKey({ accountId, allowedModels: [MODEL] });
    expect((await post(W.completions, { model: bot }, forModel.secret)).status).toBe(403);
  });

  it('is repeated to an idempotency key, and charged once', async () => {
    const bot = await newChatbot(app.tollgate);
    const again = () =>
      app.tollgate.post(W.completions, { model: bot, prompt: 'a' }, { 'idempotency-key': 'chatbot-1' });
    const [first, second] = [await again(), await again()];
    expect(await second.text()).toBe(await first.text());
    expect(app.upstream.requests).toHaveLength(1);
  });

  it('is charged for what was relayed when the client leaves', async () => {
    const bot = await newChatbot(app.tollgate);
    app.upstream.otherwise(sse(chatChunks(), { delayMs: 30 }));
    const response = await post(W.completions, { model: bot, stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    const usage = await eventually(() => app.tollgate.usageOf(response));
    expect(usage).toMatchObject({
      outcome: 'client_left',
      context: { chatbot: { id: bot, version: 1 } },
    });
    expect(await brokenInvariantsOf(app.tollgate)).toEqual([]);
  });
});
