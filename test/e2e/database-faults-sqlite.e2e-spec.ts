import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type Kysely } from 'kysely';
import { Database } from '../../src/persistence/database.js';
import type { Tables } from '../../src/persistence/tables.js';
import { endOf, type AnswerEnd } from '../support/answer-end.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf, type Seen } from '../support/invariants.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const ASK = { model: MODEL, max_tokens: 1_000, messages: [{ role: 'user', content: 'hi' }] };
const PATH = '/api/v1/chat/completions';

/** The embedded database is the process's own, so its faults are made through its own connection. */
describe('the embedded database', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let kysely: Kysely<Tables>;

  beforeEach(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ database: 'sqlite', yaml: catalogueYaml(upstream.baseUrl) });
    kysely = tollgate.app.get(Database).kysely;
    // The key is known, so that only paid work meets the fault.
    await (await tollgate.post(PATH, ASK)).text();
    upstream.clear();
  });
  afterEach(async () => {
    await tollgate.close();
    await upstream.close();
  });

  const setReadOnly = (on: boolean): Promise<unknown> =>
    sql.raw(`pragma query_only = ${on ? 'on' : 'off'}`).execute(kysely);

  it('D2, D7: read-only before the hold: 503, and the upstream is not called', async () => {
    await setReadOnly(true);
    const ends = await Promise.all(BODIES.map((body) => tollgate.post(PATH, body).then(endOf)));
    for (const end of ends) expect(end).toMatchObject({ status: 503, text: UNAVAILABLE });
    expect(upstream.requests).toHaveLength(0);
    expect((await tollgate.get('/health/live')).status).toBe(200);

    await setReadOnly(false);
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
    expect((await tollgate.post(PATH, ASK)).status).toBe(200);
  });

  it('D3, D7: read-only before the settlement: no complete answer, and the holds are resolved when it is back', async () => {
    const usage = wireUsage(10, 100);
    const bothHeld = Promise.withResolvers<void>();
    upstream.otherwise(async (response, request) => {
      if (upstream.requests.length === BODIES.length) bothHeld.resolve(setReadOnly(true).then(ignore));
      await bothHeld.promise;
      await (
        request.body['stream'] === true
          ? sse(chatChunks('some text', { usage }))
          : json(chatAnswer({ usage }))
      )(response, request);
    });
    const ends = await Promise.all(BODIES.map((body) => tollgate.post(PATH, body).then(endOf)));
    const [whole, streamed] = ends as [AnswerEnd, AnswerEnd];
    expect(whole).toMatchObject({ status: 503, text: UNAVAILABLE, seen: { end: 'refused' } });
    expect(streamed).toMatchObject({ status: 200, text: UNAVAILABLE, seen: { end: 'partial' } });
    expect(streamed.text).toContain('"content":"some"');

    await setReadOnly(false);
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
    expect(await tollgate.usageOf(streamed.seen.requestId)).toMatchObject({
      outcome: 'settled_late',
      completionTokens: 100,
    });
  });

  it('D7: a disk that becomes full somewhere on the way: until then paid answers, then 503, none in between', async () => {
    await fillDisk(kysely);
    const ends: AnswerEnd[] = [];
    do ends.push(await tollgate.post(PATH, ASK).then(endOf));
    while (ends.at(-1)?.status === 200 && ends.length < 500);
    expect(ends.at(-1)).toMatchObject({ status: 503, text: UNAVAILABLE });

    await sql`pragma max_page_count = 1073741823`.execute(kysely);
    expect(await brokenInvariantsOf(tollgate, seenOf(ends))).toEqual([]);
    expect((await tollgate.post(PATH, ASK)).status).toBe(200);
  });
});

const BODIES = [ASK, { ...ASK, stream: true }];
const UNAVAILABLE = expect.stringContaining('Storage is unavailable at the moment');

function seenOf(ends: readonly AnswerEnd[]): Seen[] {
  return ends.map(({ seen }) => seen);
}

/** No page more than there are now. What is free within them still takes a few rows. */
async function fillDisk(kysely: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ page_count: bigint }>`pragma page_count`.execute(kysely);
  await sql.raw(`pragma max_page_count = ${rows[0]?.page_count}`).execute(kysely);
}

function ignore(): void {}
