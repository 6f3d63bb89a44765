import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SummariserService } from '../../src/chat/summariser.service.js';
import { InFlight } from '../../src/inference/in-flight.js';
import { Database } from '../../src/persistence/database.js';
import { askChat, type Answered, type Asking } from '../support/chat-asking.js';
import { newChatbot, SCRIBE } from '../support/chatbots.js';
import { eventually } from '../support/eventually.js';
import { failure, json } from '../support/fake-upstream-replies.js';
import { chatAnswer, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import type { SentMessage } from '../support/prompt-tokens.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

/** One that asks a thousand credits for a summary. */
const DEAR_SCRIBE = `
  - id: test/dear-scribe
    context_length: 100000
    max_completion_tokens: 1000
    pricing: { prompt: "0.009", completion: "0.009" }
    routes: [ { upstream: main, model: scribe } ]
`;
const ANSWER: SentMessage = { role: 'assistant', content: 'Hello there!' };
/** So long that five turns of it fit into 600 tokens. */
const question = (turn: number): SentMessage => ({ role: 'user', content: `${turn} ${'word '.repeat(100)}` });
const NOTES = 'They counted to three.';

describe.each([false, true])('the running summary of a conversation (stream: %s)', (stream) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let serial = 0;
  let conversation_id: string;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await start();
  });
  beforeEach(() => {
    conversation_id = `c-${(serial += 1)}`;
    upstream.on('scribe', json(chatAnswer({ content: NOTES, usage: wireUsage(500, 20) })));
  });
  afterEach(() => {
    upstream.clear();
    jest.restoreAllMocks();
  });
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  const start = () => Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, SCRIBE + DEAR_SCRIBE) });
  const botOf = (model: string, gateway = tollgate) =>
    newChatbot(gateway, { memory: { kind: 'summary', maxTokens: 600, model } });
  const ask = (model: string, turn: number, asking: Asking = {}, gateway = tollgate): Promise<Answered> =>
    askChat(gateway, { model, stream, conversation_id, messages: [question(turn)] }, asking);
  /** Five turns, after which the sixth needs a summary. */
  const fill = async (model: string, asking: Asking = {}, gateway = tollgate) => {
    for (let turn = 1; turn <= 5; turn += 1) await ask(model, turn, asking, gateway);
    expect(scribed()).toHaveLength(0);
  };
  /** As if the minute after a failure had passed; a clock that jumps and comes back would move limits as well. */
  const inAMinute = () => {
    const summariser: object = tollgate.app.get(SummariserService, { strict: false });
    (Reflect.get(summariser, 'pausedUntilMs') as Map<string, number>).clear();
  };
  const scribed = () => upstream.requests.filter(({ body }) => body['model'] === 'scribe');
  const sent = () => upstream.requests.at(-1)?.body['messages'] as SentMessage[];
  const contextOf = async ({ requestId }: Answered, gateway = tollgate) =>
    (await gateway.usageOf(requestId))?.context?.conversation;
  /** Rows of the requests that were made to summarise for this one. */
  const summariesFor = async ({ requestId }: Answered, gateway = tollgate) =>
    (await gateway.allUsage()).filter(({ context }) => context?.summary_for === requestId);
  const entriesFor = ({ requestId }: Answered) =>
    tollgate.app
      .get(Database)
      .kysely.selectFrom('ledger_entries')
      .select('amount_hundredths')
      .where('reason', '=', `summary for ${requestId}`)
      .execute();

  it('stands after the prompt, in the place of the turns that it covers', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    const sixth = await ask(bot, 6);
    expect(sixth.status).toBe(200);
    const { messages_summarised = 0, ...context } = (await contextOf(sixth)) ?? {};
    expect(messages_summarised).toBeGreaterThan(0);
    expect(context).toMatchObject({ messages_stored: 10, messages_sent: 10 - messages_summarised });
    const [made] = await summariesFor(sixth);
    expect(context).toMatchObject({ summary_request: made?.requestId });
    const [prompt, summary, ...rest] = sent();
    expect(prompt).toEqual({ role: 'system', content: 'You are Bot.' });
    expect(summary?.content).toContain(NOTES);
    expect(rest).toEqual([
      ...Array.from({ length: 5 }, (_, index) => [question(index + 1), ANSWER])
        .flat()
        .slice(messages_summarised),
      question(6),
    ]);
    expect(await entriesFor(sixth)).toHaveLength(1);
  });

  it.each([true, false])(
    'has the rank of what it retells, after all instructions (accepted: %s), and is nobody’s message',
    async (acceptsInstructions) => {
      const memory = { kind: 'summary', maxTokens: 600, model: 'test/scribe' } as const;
      const bot = await newChatbot(tollgate, { memory, acceptsInstructions });
      await fill(bot);
      const instruction = { role: 'system', content: 'Be brief.' };
      const body = { model: bot, stream, conversation_id, messages: [instruction, question(6)] };
      const sixth = await askChat(tollgate, body);
      const [prompt, instructed, summary, ...rest] = sent();
      expect([prompt, instructed]).toEqual([
        { role: 'system', content: 'You are Bot.' },
        { ...instruction, role: acceptsInstructions ? 'system' : 'user' },
      ]);
      expect(summary).toMatchObject({ role: 'user', content: expect.stringContaining(NOTES) });
      expect(summary?.content).toMatch(/^\[Notes .* no instruction to you\.\]/);
      expect(rest.at(-1)).toEqual(question(6));

      expect(await contextOf(sixth)).toMatchObject({
        messages_sent: rest.length - 1,
        messages_recognised: 0,
      });
      expect(await contextOf(await ask(bot, 7))).toMatchObject({ messages_stored: 12 });
    },
  );

  it('is written whole for a streamed answer, and asked for by nobody’s tools or settings', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    await ask(bot, 6);
    const { messages, ...body } = scribed()[0]?.body ?? {};
    expect(body).toEqual({ model: 'scribe', max_tokens: 75 });
    expect((messages as SentMessage[]).map(({ role }) => role)).toEqual(['system', 'user']);
    expect(JSON.stringify(messages)).not.toContain('You are Bot.');
  });

  it.each([
    ['fails', failure(500)],
    ['refuses', failure(400)],
    ['says nothing readable', json({})],
  ])(
    'is done without where its model %s: the oldest turns are dropped, nothing is paid',
    async (_what, reply) => {
      const bot = await botOf('test/scribe');
      await fill(bot);
      upstream.on('scribe', reply);
      const sixth = await ask(bot, 6);
      expect(sixth).toMatchObject({ status: 200, said: 'Hello there!' });
      expect(await contextOf(sixth)).toMatchObject({
        messages_summarised: 0,
        messages_sent: 8,
        messages_dropped: 2,
      });
      expect(await entriesFor(sixth)).toEqual([]);
      const [row, ...others] = await summariesFor(sixth);
      expect(others).toEqual([]);
      expect(row).toMatchObject({ outcome: 'upstream_failed', creditHundredths: 0n });
      expect((await contextOf(sixth))?.summary_request).toBe(row?.requestId);

      // Not tried at each turn, which would wait for it; and what was dropped was not forgotten.
      upstream.on('scribe', json(chatAnswer({ content: NOTES })));
      const tried = scribed().length;
      expect(await contextOf(await ask(bot, 7))).toMatchObject({ messages_summarised: 0 });
      expect(scribed()).toHaveLength(tried);
      inAMinute();
      expect(await contextOf(await ask(bot, 8))).toMatchObject({ messages_dropped: 0 });
      expect(JSON.stringify(scribed().at(-1)?.body)).toContain(question(1).content?.trim());
    },
  );

  it('that its model refuses is told in the log without the model’s words, which may quote the conversation', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const bot = await botOf('test/scribe');
    await fill(bot);
    const quoted = 'no notes of: a customer’s words';
    upstream.on(
      'scribe',
      json({ error: { message: quoted, type: 'invalid_request_error' } }, { status: 400 }),
    );
    const sixth = await ask(bot, 6);
    const said = warn.mock.calls.map(String);
    warn.mockRestore();
    expect(said.join()).toContain(`no summary for ${sixth.requestId}`);
    expect(said.join()).toContain('upstream_rejected_request');
    expect(said.join()).not.toContain(quoted);
  });

  it('that is empty is paid for and not used', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    upstream.on('scribe', json(chatAnswer({ content: ' \n', usage: wireUsage(500, 1) })));
    const sixth = await ask(bot, 6);
    expect(sixth.status).toBe(200);
    expect(await contextOf(sixth)).toMatchObject({ messages_summarised: 0, messages_dropped: 2 });
    expect(await entriesFor(sixth)).toHaveLength(1);
    expect(JSON.stringify(sent())).not.toContain('Notes on');
  });

  it('is done without where its model is no more', async () => {
    const bot = await botOf('test/gone');
    await fill(bot);
    const sixth = await ask(bot, 6);
    expect(sixth.status).toBe(200);
    expect(await contextOf(sixth)).toMatchObject({ messages_summarised: 0, messages_dropped: 2 });
    expect(scribed()).toHaveLength(0);
  });

  it('is done without by an account that has credit for the turn and not for the summary too', async () => {
    const poor = await tollgate.newKey({}, 100n);
    const memory = { kind: 'summary', maxTokens: 600, model: 'test/dear-scribe' } as const;
    const bot = await newChatbot(tollgate, { memory }, { accountId: poor.accountId });
    const asking = { key: poor.secret };
    await fill(bot, asking);
    const sixth = await ask(bot, 6, asking);
    expect(sixth.status).toBe(200);
    expect(await contextOf(sixth)).toMatchObject({ messages_summarised: 0, messages_dropped: 2 });
    expect(await entriesFor(sixth)).toEqual([]);
  });

  it('needs no more of a key than the turn: no second place, no second model', async () => {
    const { accountId } = await tollgate.newKey();
    const memory = { kind: 'summary', maxTokens: 600, model: 'test/scribe' } as const;
    const bot = await newChatbot(tollgate, { memory }, { accountId });
    const narrow = await tollgate.newKey({ accountId, allowedModels: [bot], maxConcurrency: 1 });
    await fill(bot, { key: narrow.secret });
    const sixth = await ask(bot, 6, { key: narrow.secret });
    expect(sixth.status).toBe(200);
    expect(await summariesFor(sixth)).toMatchObject([{ keyId: narrow.id, accountId, outcome: 'completed' }]);
  });

  it('is kept where the turn fails, and not written again for the next try', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    upstream.on('upstream-model', failure(500));
    const failed = await ask(bot, 6);
    expect(failed.status).toBe(499);
    expect(await entriesFor(failed)).toHaveLength(1);
    upstream.on('upstream-model', json(chatAnswer()));
    const again = await ask(bot, 6);
    expect(again.status).toBe(200);
    expect(scribed()).toHaveLength(1);
    expect((await contextOf(again))?.messages_summarised).toBeGreaterThan(0);
  });

  it('is one request’s at a time: while it is made nobody changes what it tells of', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    const held = new HeldAnswer(false, NOTES);
    upstream.on('scribe', held.reply);
    const sixth = ask(bot, 6);
    await held.asked();
    const item = { type: 'message', role: 'user', content: 'meanwhile' };
    const items = `/v1/conversations/${conversation_id}/items`;
    const refused = await tollgate.post(items, { items: [item] });
    expect([refused.status, await refused.json()]).toEqual([
      409,
      expect.objectContaining({ error: expect.objectContaining({ code: 'conversation_busy' }) }),
    ]);
    await held.end();
    expect(await contextOf(await sixth)).toMatchObject({ messages_dropped: 0 });
  });

  it('is not made, and not paid, for a turn that has too many messages', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    const many = Array.from({ length: 1_025 }, () => ({ role: 'user', content: 'word' }));
    const refused = await askChat(tollgate, { model: bot, stream, conversation_id, messages: many });
    expect([refused.status, refused.error.param]).toEqual([400, 'messages']);
    expect(scribed()).toHaveLength(0);
  });

  it('is forgotten where the client goes back before what it covers', async () => {
    const bot = await botOf('test/scribe');
    await fill(bot);
    await ask(bot, 6);
    const edited = [question(1), ANSWER, { role: 'user', content: 'Something else, then.' }];
    await askChat(tollgate, { model: bot, stream, conversation_id, messages: edited });
    expect(sent()).toEqual([{ role: 'system', content: 'You are Bot.' }, ...edited]);
    await askChat(tollgate, { model: bot, stream, conversation_id, messages: [question(3)] });
    expect(JSON.stringify(sent())).not.toContain(NOTES);
    expect(sent()).toHaveLength(6);
  });

  it('that is under way when the server shuts down is kept; its turn is refused and costs nothing', async () => {
    const gateway = await start();
    try {
      const bot = await botOf('test/scribe', gateway);
      await fill(bot, { key: gateway.key }, gateway);
      const held = new HeldAnswer(false, NOTES);
      upstream.on('scribe', held.reply);
      const sixth = ask(bot, 6, {}, gateway);
      await held.asked();
      const drained = gateway.app.get(InFlight, { strict: false }).drain(60_000);
      await held.end();
      const refused = await sixth;
      expect([refused.status, refused.error.code]).toEqual([503, 'overloaded']);
      await drained;
      expect(await summariesFor(refused, gateway)).toMatchObject([{ outcome: 'completed' }]);
      expect(await gateway.usageOf(refused.requestId)).toBeUndefined();
      const [conversation] = await conversations(gateway);
      expect(conversation?.message_count).toBe(10);
      expect(JSON.parse(conversation?.head ?? '{}')).toMatchObject({ summary: { text: NOTES } });
      expect(await brokenInvariantsOf(gateway)).toEqual([]);
    } finally {
      await gateway.close();
    }
  });

  it('that is cut by the shutdown costs nothing, and its turn is refused', async () => {
    const gateway = await start();
    try {
      const bot = await botOf('test/scribe', gateway);
      await fill(bot, { key: gateway.key }, gateway);
      const held = new HeldAnswer(false, NOTES);
      upstream.on('scribe', held.reply);
      const sixth = ask(bot, 6, {}, gateway);
      await held.asked();
      await gateway.app.get(InFlight, { strict: false }).drain(0);
      const refused = await sixth;
      expect([refused.status, refused.error.code]).toEqual([503, 'overloaded']);
      expect(await eventually(async () => (await summariesFor(refused, gateway))[0])).toMatchObject({
        outcome: 'drained',
        creditHundredths: 0n,
      });
      expect(await brokenInvariantsOf(gateway)).toEqual([]);
    } finally {
      await gateway.close();
    }
  });

  it('is never what a plain model’s conversation has', async () => {
    const made = await tollgate.post('/v1/conversations', {});
    conversation_id = ((await made.json()) as { id: string }).id;
    await fill(MODEL);
    await ask(MODEL, 6);
    expect(scribed()).toHaveLength(0);
    expect(sent()).toHaveLength(11);
  });
});

const conversations = (gateway: Tollgate) =>
  gateway.app.get(Database).kysely.selectFrom('conversations').select(['message_count', 'head']).execute();
