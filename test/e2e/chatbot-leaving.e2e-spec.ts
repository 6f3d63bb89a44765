import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { askChat, type Answered } from '../support/chat-asking.js';
import { newChatbot, SCRIBE } from '../support/chatbots.js';
import { eventually } from '../support/eventually.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

const user = (content: string) => ({ role: 'user', content });
/** So long that five turns of it fit into 600 tokens. */
const long = (text: string) => `${text} ${'word '.repeat(100)}`;
const ANSWER = { role: 'assistant', content: 'Hello there!' };
const PROMPT = { role: 'system', content: 'You are Bot.' };

describe.each([false, true])('a client that leaves its conversation (stream: %s)', (stream) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let bot: string;
  let serial = 0;
  let conversation_id: string;
  /** Answers whose clients the gateway has seen go. */
  let left = 0;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, SCRIBE) });
    bot = await newChatbot(tollgate);
    const server = tollgate.app.getHttpServer() as Server;
    server.on('request', (_request: IncomingMessage, response: ServerResponse) =>
      response.once('close', () => {
        if (!response.writableEnded) left += 1;
      }),
    );
  });
  afterEach(() => upstream.clear());
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  const begin = () => {
    conversation_id = `left-${(serial += 1)}`;
  };
  const ask = (text: string, model = bot): Promise<Answered> =>
    askChat(tollgate, { model, stream, conversation_id, messages: [user(text)] });
  /** Asks, and is ready to go. */
  const askAndLeave = (text: string, model = bot) => {
    const leaver = new AbortController();
    const body = { model, stream, conversation_id, messages: [user(text)] };
    const end = askChat(tollgate, body, { signal: leaver.signal }).then(
      () => 'answered',
      () => 'left',
    );
    return async () => {
      const before = left;
      leaver.abort();
      expect(await end).toBe('left');
      await eventually(() => left > before, 'the gateway to notice');
    };
  };
  const hold = () => {
    const held = new HeldAnswer(stream);
    upstream.enqueue(held.reply);
    return held;
  };
  const sent = () => upstream.requests.at(-1)?.body['messages'];

  it('while it waits for its turn gives up its place', async () => {
    begin();
    const held = hold();
    const first = ask('one');
    await held.asked();
    const leave = askAndLeave('lost');
    // Long enough to be waiting; were it not, it would have given up the sooner.
    await sleep(50);
    const third = ask('two');
    await leave();
    await held.end();
    expect((await first).status).toBe(200);
    expect((await third).status).toBe(200);
    expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
    expect(upstream.requests).toHaveLength(2);
  });

  it('before its answer leaves nothing behind', async () => {
    begin();
    await ask('one');
    const held = hold();
    const leave = askAndLeave('lost');
    await held.asked();
    await leave();
    await eventually(() => upstream.requests.at(-1)?.aborted);
    expect((await ask('two')).status).toBe(200);
    expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
  });

  if (stream) {
    it('within its answer pays for what it had, which is not remembered', async () => {
      begin();
      await ask('one');
      const held = hold();
      const leaver = new AbortController();
      const response = await startStream(tollgate, { model: bot, conversation_id }, leaver.signal, () =>
        held.begin(2),
      );
      await response.body?.getReader().read();
      leaver.abort();
      await eventually(() => upstream.requests.at(-1)?.aborted);
      expect((await ask('two')).status).toBe(200);
      expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
      const usage = await eventually(() => tollgate.usageOf(response));
      expect(usage).toMatchObject({ outcome: 'client_left' });
      expect(usage.creditHundredths).toBeGreaterThan(0n);
    });
  }

  it('while a summary is written does not stop it, nor those who come after', async () => {
    begin();
    const model = await newChatbot(tollgate, {
      memory: { kind: 'summary', maxTokens: 600, model: 'test/scribe' },
    });
    for (const text of ['one', 'two', 'three', 'four', 'five']) await ask(long(text), model);
    const held = new HeldAnswer(false, 'They counted.');
    upstream.on('scribe', held.reply);
    const leave = askAndLeave(long('lost'), model);
    await held.asked();
    await leave();
    await held.end();
    upstream.on('scribe', json(chatAnswer({ content: 'They counted again.' })));

    expect((await ask(long('six'), model)).status).toBe(200);
    const summaries = upstream.requests.filter(({ body }) => body['model'] === 'scribe');
    expect(summaries).toHaveLength(1);
    expect(JSON.stringify(sent())).toContain('They counted.');
    expect(JSON.stringify(sent())).not.toContain('lost');
  });
});

/** A stream that has begun, and is read no further. */
async function startStream(
  tollgate: Tollgate,
  body: Record<string, unknown>,
  signal: AbortSignal,
  answer: () => Promise<void>,
): Promise<Response> {
  const response = fetch(`${tollgate.origin}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ ...body, stream: true, messages: [user('lost')] }),
    headers: { authorization: `Bearer ${tollgate.key}`, 'content-type': 'application/json' },
    signal,
  });
  await answer();
  return response;
}
