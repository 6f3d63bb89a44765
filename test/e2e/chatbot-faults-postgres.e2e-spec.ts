import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Kysely } from 'kysely';
import { createPostgresDialect } from '../../src/persistence/dialects/postgres-dialect.js';
import type { Tables } from '../../src/persistence/tables.js';
import { InterruptibleProxy } from '../db/fixtures/interruptible-proxy.js';
import { endOf, type AnswerEnd } from '../support/answer-end.js';
import { newChatbot } from '../support/chatbots.js';
import { onPostgres } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { Tollgate } from '../support/tollgate.js';

onPostgres((newDatabaseUrl) => {
  let proxy: InterruptibleProxy;
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let chatbot: string;
  /** Past the proxy. */
  let db: Kysely<Tables>;

  beforeEach(async () => {
    const url = await newDatabaseUrl();
    proxy = new InterruptibleProxy(new URL(url));
    await proxy.comeBack();
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({
      database: Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href,
      upstream,
    });
    db = new Kysely<Tables>({ dialect: createPostgresDialect({ url, maxConnections: 2 }) });
    chatbot = await newChatbot(tollgate);
  });
  afterEach(async () => {
    proxy.thaw();
    await tollgate.close();
    await upstream.close();
    await db.destroy();
    await proxy.goAway();
  });

  const say = (content: string, more: Record<string, unknown> = {}): Promise<AnswerEnd> =>
    tollgate
      .post('/v1/chat/completions', {
        model: chatbot,
        conversation_id: 'talk',
        messages: [{ role: 'user', content }],
        ...more,
      })
      .then(endOf);

  /** A turn whose upstream answers when `fault` has come. */
  async function sayDuring(
    fault: () => unknown,
    content: string,
    more: { stream?: boolean; store?: boolean } = {},
  ): Promise<AnswerEnd> {
    const held = new HeldAnswer(more.stream ?? false);
    upstream.enqueue(held.reply);
    const end = say(content, more);
    await held.asked();
    await fault();
    await held.end();
    return end;
  }

  /** What the upstream was sent last, after the chatbot's prompt. */
  const sent = (): string[] => {
    const messages = upstream.requests.at(-1)?.body['messages'] as { content: string }[] | undefined;
    return messages?.slice(1).map(({ content }) => content) ?? [];
  };

  const HELLO = 'Hello there!';
  const HOW = [{ stream: false }, { stream: true }];

  it.each(HOW)('D4: the acknowledgement of a turn lost: stored once (stream: $stream)', async (how) => {
    await say('one');
    const end = await sayDuring(() => proxy.swallowAnswerTo('commit'), 'two', how);
    expect(end.seen).toMatchObject({ end: 'whole' });
    await say('three');
    expect(sent()).toEqual(['one', HELLO, 'two', HELLO, 'three']);
    expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
  });

  it.each(HOW)('D3: away before the settlement: as it was (stream: $stream)', async (how) => {
    await say('one');
    const end = await sayDuring(() => proxy.goAway(), 'two', how);
    expect(end.seen).toMatchObject({ end: how.stream ? 'partial' : 'refused' });
    await proxy.comeBack();
    expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
    await say('three');
    expect(sent()).toEqual(['one', HELLO, 'three']);
  });

  it.each([{ earlier: ['one'] }, { earlier: [] }])(
    'D4, I6: the acknowledgement of a turn that comes too late: refused, given back, as it was (after $earlier)',
    async ({ earlier }) => {
      for (const content of earlier) await say(content);
      const end = await sayDuring(() => proxy.freezeAfter('commit'), 'two', { store: true });
      expect(end).toMatchObject({ status: 503, seen: { end: 'refused' } });
      proxy.thaw();
      const charges = db
        .selectFrom('ledger_entries')
        .select('type')
        .where('request_id', '=', end.seen.requestId);
      await eventually(async () => (await charges.execute()).length === 2, 'a charge and its return');
      expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
      const stored = await db.selectFrom('conversations').select('kind').execute();
      expect(stored).toEqual(earlier.map(() => ({ kind: 'conversation' })));

      await say('three');
      expect(sent()).toEqual([...earlier.flatMap((content) => [content, HELLO]), 'three']);
      expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
    },
  );
});
