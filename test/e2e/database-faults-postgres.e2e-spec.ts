import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Kysely, sql } from 'kysely';
import { createPostgresDialect } from '../../src/persistence/dialects/postgres-dialect.js';
import type { Tables } from '../../src/persistence/tables.js';
import { InterruptibleProxy } from '../db/fixtures/interruptible-proxy.js';
import { endOf, type AnswerEnd } from '../support/answer-end.js';
import { onPostgres } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { controlled, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariants, brokenInvariantsOf, openHolds, type Seen } from '../support/invariants.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const ASK = { model: MODEL, max_tokens: 1_000, messages: [{ role: 'user', content: 'hi' }] };
const BODIES = [ASK, { ...ASK, stream: true }];
const PATH = '/api/v1/chat/completions';
const UNAVAILABLE = expect.stringContaining('Storage is unavailable at the moment');
const USAGE = wireUsage(10, 100);
const UNLIMITED_MODEL = `
  - id: test/unlimited
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: m } ]
`;

onPostgres((newDatabaseUrl) => {
  let proxy: InterruptibleProxy;
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  /** Past the proxy. */
  let db: Kysely<Tables>;

  beforeEach(async () => {
    const url = await newDatabaseUrl();
    proxy = new InterruptibleProxy(new URL(url));
    await proxy.comeBack();
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({
      database: Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href,
      yaml: catalogueYaml(upstream.baseUrl, UNLIMITED_MODEL),
    });
    db = new Kysely<Tables>({ dialect: createPostgresDialect({ url, maxConnections: 2 }) });
    // The key is known, so that only paid work meets the fault.
    await ask(ASK);
    upstream.clear();
  });
  afterEach(async () => {
    proxy.thaw();
    await tollgate.close();
    await upstream.close();
    await db.destroy();
    await proxy.goAway();
  });

  const ask = (body: unknown): Promise<AnswerEnd> => tollgate.post(PATH, body).then(endOf);

  /** Both kinds of answers at once; `fault` comes when both are held and their upstream is about to answer. */
  async function askBoth(fault: () => unknown): Promise<[AnswerEnd, AnswerEnd]> {
    const bothHeld = Promise.withResolvers<void>();
    upstream.otherwise(async (response, request) => {
      if (upstream.requests.length === BODIES.length) bothHeld.resolve(Promise.resolve(fault()).then(ignore));
      await bothHeld.promise;
      const streamed = request.body['stream'] === true;
      const reply = streamed
        ? sse(chatChunks('some text', { usage: USAGE }))
        : json(chatAnswer({ usage: USAGE }));
      await reply(response, request);
    });
    return (await Promise.all(BODIES.map(ask))) as [AnswerEnd, AnswerEnd];
  }

  async function entriesOf(requestId: string): Promise<string[]> {
    const rows = await db
      .selectFrom('ledger_entries')
      .select(['type', 'amount_hundredths'])
      .where('request_id', '=', requestId)
      .orderBy('id')
      .execute();
    return rows.map((row) => `${row.type} ${row.amount_hundredths}`);
  }

  it('D2: away before the hold: 503, and the upstream is not called', async () => {
    await proxy.goAway();
    const ends = await Promise.all(BODIES.map(ask));
    for (const end of ends) expect(end).toMatchObject({ status: 503, text: UNAVAILABLE });
    expect(upstream.requests).toHaveLength(0);
    expect((await tollgate.get('/health/live')).status).toBe(200);

    await proxy.comeBack();
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
  });

  it('D3: away before the settlement: no complete answer, and the holds are resolved when it is back', async () => {
    const ends = await askBoth(() => proxy.goAway());
    const [whole, streamed] = ends;
    expect(whole).toMatchObject({ status: 503, text: UNAVAILABLE });
    expect(streamed).toMatchObject({ status: 200, text: UNAVAILABLE, seen: { end: 'partial' } });

    await proxy.comeBack();
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
    expect(await tollgate.usageOf(streamed.seen.requestId)).toMatchObject({ outcome: 'settled_late' });
  });

  it.each([
    { how: 'for good', wait: 0, end: 'partial', outcome: 'settled_late' },
    { how: 'for a moment', wait: 100, end: 'whole', outcome: 'completed' },
  ])('D3: away ($how) when a hold has to grow: nothing is cut as if there were no credit', async (away) => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const { max_tokens: _limit, ...unlimited } = ASK;
    const asked = tollgate.post(PATH, { ...unlimited, model: 'test/unlimited', stream: true });
    const [first, ...rest] = chatChunks(['a few words', 'words '.repeat(20_000)]);
    await live.event(first);
    await live.event(rest[0]);
    const response = await asked;
    await proxy.goAway();
    for (const chunk of rest.slice(1)) await live.event(chunk);
    await live.end();
    if (away.wait > 0) void setTimeout(away.wait).then(() => proxy.comeBack());
    const end = await endOf(response);
    if (away.wait === 0) await proxy.comeBack();
    expect(end.seen.end).toBe(away.end);
    expect(end.text.includes('Storage is unavailable')).toBe(away.end === 'partial');
    expect(end.text).not.toContain('"length"');
    expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
    expect(await tollgate.usageOf(end.seen.requestId)).toMatchObject({ outcome: away.outcome });
  });

  it('D3: away for a moment before the settlement: the answers wait and are complete', async () => {
    const ends = await askBoth(async () => {
      await proxy.goAway();
      await proxy.comeBack();
    });
    expect(ends).toMatchObject([{ seen: { end: 'whole' } }, { seen: { end: 'whole' } }]);
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
  });

  it('D4: every backend killed while answers are settled: charged once', async () => {
    const ends = await askBoth(() =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.execute(db),
    );
    expect(ends).toMatchObject([{ seen: { end: 'whole' } }, { seen: { end: 'whole' } }]);
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
  });

  it('D4: the acknowledgement of a hold lost: held once, answered', async () => {
    proxy.swallowAnswerTo('commit');
    const end = await ask(ASK);
    expect(end).toMatchObject({ status: 200, seen: { end: 'whole' } });
    expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
  });

  it('D4: the acknowledgement of a settlement lost: charged once, answered', async () => {
    const ends = await askBoth(() => proxy.swallowAnswerTo('commit'));
    expect(ends).toMatchObject([{ seen: { end: 'whole' } }, { seen: { end: 'whole' } }]);
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
  });

  it('D4: the acknowledgement of a hold that comes too late: refused, and the hold is released', async () => {
    proxy.freezeAfter('commit');
    const end = await ask(ASK);
    expect(end).toMatchObject({ status: 503, text: UNAVAILABLE });
    expect(await openHolds(db)).toEqual([end.seen.requestId]);
    proxy.thaw();
    expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
    expect(upstream.requests).toHaveLength(0);
  });

  it('D4, I6: the acknowledgement of a settlement that comes too late: refused, and the charge is given back', async () => {
    upstream.otherwise((response, request) => {
      proxy.freezeAfter('commit');
      return json(chatAnswer({ usage: USAGE }))(response, request);
    });
    const end = await ask(ASK);
    expect(end).toMatchObject({ status: 503, text: UNAVAILABLE });
    proxy.thaw();
    await eventually(
      async () => (await entriesOf(end.seen.requestId)).length === 2,
      'a charge and its return',
    );
    expect(await entriesOf(end.seen.requestId)).toEqual(['settlement -6', 'correction 6']);
    const story = await tollgate.get(`/api/v1/requests/${end.seen.requestId}`);
    expect(await story.json()).toMatchObject({
      ledger: [
        { type: 'correction', amount: 0.06 },
        { type: 'settlement', amount: -0.06 },
      ],
    });
    expect(await brokenInvariantsOf(tollgate, [end.seen])).toEqual([]);
  });

  it('D8: a database that stands still in mid-stream holds no chunk up, only the end', async () => {
    const live = controlled();
    upstream.enqueue(live.reply);
    const chunks = chatChunks('one two three four five', { usage: USAGE });
    const response = tollgate.post(PATH, { ...ASK, stream: true });
    for (const chunk of chunks.splice(0, 2)) await live.event(chunk);
    const reader = (await response).body?.pipeThrough(new TextDecoderStream()).getReader();
    proxy.freeze();
    for (const chunk of chunks) await live.event(chunk);
    let text = '';
    while (!text.includes(' five')) text += (await reader?.read())?.value ?? '';
    expect(text).not.toContain('[DONE]');
    await live.end();
    proxy.thaw();
    while (!text.includes('data: [DONE]')) text += (await reader?.read())?.value ?? '';
    expect(await brokenInvariantsOf(tollgate)).toEqual([]);
  });

  it('D1: away at the start: alive, not ready, paid calls are 503; ready by itself when it is back', async () => {
    const url = Object.assign(new URL(await newDatabaseUrl()), { host: `127.0.0.1:${proxy.port}` }).href;
    await proxy.goAway();
    const starting = Tollgate.start({
      database: url,
      yaml: catalogueYaml(upstream.baseUrl),
      onListening: async (early) => {
        expect((await early.get('/health/live')).status).toBe(200);
        expect((await early.get('/health/ready')).status).toBe(503);
        expect(await early.post(PATH, ASK).then(endOf)).toMatchObject({ status: 503, text: UNAVAILABLE });
        await proxy.comeBack();
      },
    });
    const late = await starting;
    expect((await late.get('/health/ready')).status).toBe(200);
    expect((await late.post(PATH, ASK)).status).toBe(200);
    expect(await brokenInvariants(db)).toEqual([]);
    await late.close();
  });
});

function seenOf(ends: readonly AnswerEnd[]): Seen[] {
  return ends.map(({ seen }) => seen);
}

function ignore(): void {}
