import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { askChat, type Answered } from '../support/chat-asking.js';
import { newChatbot, SCRIBE } from '../support/chatbots.js';
import { onPostgres } from '../support/databases.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

onPostgres((newDatabaseUrl) => {
  let upstream: FakeUpstream;
  let replicas: Tollgate[];

  beforeEach(async () => {
    upstream = await FakeUpstream.start();
    const database = await newDatabaseUrl();
    const yaml = catalogueYaml(upstream.baseUrl, SCRIBE);
    replicas = [];
    for (let count = 0; count < 2; count += 1) replicas.push(await Tollgate.start({ database, yaml }));
  });
  afterEach(async () => {
    for (const replica of replicas) await replica.close();
    await upstream.close();
  });

  const scribed = () => upstream.requests.filter(({ body }) => body['model'] === 'scribe');

  it('a summary that two replicas need at once is made and paid once, and the later turn is refused', async () => {
    const [first, second] = replicas as [Tollgate, Tollgate];
    const memory = { kind: 'summary', maxTokens: 600, model: 'test/scribe' } as const;
    const { secret, accountId } = await first.newKey();
    const model = await newChatbot(first, { memory }, { accountId });
    const ask = (replica: Tollgate, turn: number): Promise<Answered> =>
      askChat(
        replica,
        {
          model,
          conversation_id: 'talk',
          messages: [{ role: 'user', content: `${turn} ${'word '.repeat(100)}` }],
        },
        { key: secret },
      );
    for (let turn = 1; turn <= 5; turn += 1) expect((await ask(first, turn)).status).toBe(200);

    const held = new HeldAnswer(false, 'They counted.');
    upstream.on('scribe', held.reply);
    const sixth = ask(first, 6);
    await held.asked();
    const other = await ask(second, 6);
    expect([other.status, other.error.code]).toEqual([409, 'conversation_busy']);
    expect(scribed()).toHaveLength(1);
    await held.end();
    expect((await sixth).status).toBe(200);

    upstream.on('scribe', json(chatAnswer({ content: 'again', usage: wireUsage(500, 20) })));
    expect((await ask(second, 7)).status).toBe(200);
    const summaries = (await first.allUsage()).filter(({ context }) => context?.summary_for !== undefined);
    expect(summaries.filter(({ context }) => context?.summary_for === other.requestId)).toEqual([]);
    expect(await brokenInvariantsOf(first)).toEqual([]);
  });
});
