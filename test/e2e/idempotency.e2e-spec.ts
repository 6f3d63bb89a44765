import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { verifyLedger } from '../../src/billing/ledger-verify.js';
import { KeptAnswer } from '../../src/idempotency/earlier-answer.js';
import { IdempotencyService } from '../../src/idempotency/idempotency.service.js';
import { IdempotencyRepository } from '../../src/idempotency/idempotency.repository.js';
import { Database } from '../../src/persistence/database.js';
import { ProcessRegistryService } from '../../src/persistence/process-registry.service.js';
import { controlled, failure, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const ASK = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] };

describe('Idempotency-Key', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let serial = 0;
  let key = '';

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
  });
  beforeEach(() => {
    key = `key-${++serial}`;
    upstream.clear();
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  const ask = (body: object = ASK, path = '/api/v1/chat/completions', idempotencyKey = key) =>
    tollgate.post(path, body, { 'idempotency-key': idempotencyKey });
  const calls = () => upstream.requests.length;
  const charges = async () => (await tollgate.allUsage()).filter((row) => row.creditHundredths > 0n).length;

  it.each([
    { kind: 'JSON', body: ASK },
    { kind: 'stream', body: { ...ASK, stream: true } },
  ])(
    'K9: a later repeat replays the first $kind to the byte, without another call or charge',
    async ({ body }) => {
      const [callsBefore, chargesBefore] = [calls(), await charges()];
      const first = await ask(body);
      const text = await first.text();
      const second = await ask(body);
      expect(await second.text()).toBe(text);
      expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      expect(first.headers.get('idempotent-replayed')).toBeNull();
      expect(calls() - callsBefore).toBe(1);
      expect((await charges()) - chargesBefore).toBe(1);
      expect(await verifyLedger(tollgate.app.get(Database).kysely)).toEqual([]);
    },
  );

  it.each([
    { kind: 'JSON', body: ASK },
    { kind: 'stream', body: { ...ASK, stream: true } },
  ])('K9: 20 at once share one call and one $kind', async ({ body }) => {
    const [callsBefore, chargesBefore] = [calls(), await charges()];
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await ask(body)).text()));
    expect(new Set(texts).size).toBe(1);
    expect(calls() - callsBefore).toBe(1);
    expect((await charges()) - chargesBefore).toBe(1);
  });

  it('K9: another body under the same key is a conflict that SDKs do not retry', async () => {
    await (await ask()).text();
    const response = await ask({ ...ASK, temperature: 1 });
    expect(response.status).toBe(409);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await response.json()).toMatchObject({ error: { code: 'idempotency_conflict' } });
  });

  it('after a conflict the first request is still answered as it was, and the other one still refused', async () => {
    const first = await (await ask()).text();
    for (let repetition = 0; repetition < 2; repetition++) {
      expect((await ask({ ...ASK, temperature: 1 })).status).toBe(409);
      expect(await (await ask()).text()).toBe(first);
    }
  });

  it('the order of fields makes no other body; another surface does', async () => {
    const first = await (await ask()).text();
    const reordered = { messages: ASK.messages, model: ASK.model };
    expect(await (await ask(reordered)).text()).toBe(first);
    expect((await ask(ASK, '/v1/chat/completions')).status).toBe(409);
  });

  it('accounts have keys of their own', async () => {
    const other = await tollgate.newKey();
    const before = calls();
    await (await ask()).text();
    const response = await tollgate.post('/api/v1/chat/completions', ASK, {
      'idempotency-key': key,
      authorization: `Bearer ${other.secret}`,
    });
    expect(response.headers.get('idempotent-replayed')).toBeNull();
    await response.text();
    expect(calls() - before).toBe(2);
  });

  it('a failure before any cost is not kept: the retry executes', async () => {
    upstream.enqueue(failure(500), json(chatAnswer({ content: 'at last' })));
    expect((await ask()).status).toBe(502);
    const retry = await ask();
    expect(retry.status).toBe(200);
    expect(await retry.text()).toContain('at last');
  });

  it('a client that leaves does not stop the answer, and its retry gets the whole of it', async () => {
    const reply = controlled();
    upstream.enqueue(reply.reply);
    const leaver = new AbortController();
    const left = fetch(`${tollgate.origin}/api/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ ...ASK, stream: true }),
      headers: {
        authorization: `Bearer ${tollgate.key}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      signal: leaver.signal,
    });
    const chunks = chatChunks('one two three');
    await reply.event(chunks[0]);
    await reply.event(chunks[1]);
    await (await left).body?.getReader().read();
    leaver.abort();
    const retry = ask({ ...ASK, stream: true });
    for (const chunk of chunks.slice(2)) await reply.event(chunk);
    await reply.end();
    const text = await (await retry).text();
    expect(text).toContain('data: [DONE]');
    expect(text.match(/"role":"assistant"/g)).toHaveLength(1);
  });

  it('a stream that broke after it had begun to cost is kept as it was: a retry does not pay again', async () => {
    upstream.enqueue(sse(chatChunks('one two three').slice(0, 3), { done: false, ending: 'reset' }));
    const chargesBefore = await charges();
    const first = await (await ask({ ...ASK, stream: true })).text();
    expect(first).toContain('"error"');
    expect(first).not.toContain('[DONE]');
    expect(await (await ask({ ...ASK, stream: true })).text()).toBe(first);
    expect((await charges()) - chargesBefore).toBe(1);
  });

  it('all who repeat a request that another process is at wait for its answer, whenever they come', async () => {
    const service = tollgate.app.get(IdempotencyService, { strict: false });
    const records = tollgate.app.get(IdempotencyRepository, { strict: false });
    const alive = jest
      .spyOn(tollgate.app.get(ProcessRegistryService), 'alive')
      .mockResolvedValue(['other process']);
    const first = {
      accountId: 'acct_1',
      idempotencyKey: key,
      fingerprint: 'f'.repeat(64),
      requestId: 'req_0',
    };
    await records.insert({ ...first, owner: 'other process', createdAtMs: Date.now() });
    const repeat = async (requestId: string): Promise<string> => {
      const request = { ...first, requestId };
      const answer = await service.begin(request, undefined, () => Promise.resolve(true));
      return answer instanceof KeptAnswer ? answer.bytes.toString() : 'not kept';
    };
    const repeated: Promise<string>[] = [];
    for (let n = 1; n <= 8; n += 1) {
      repeated.push(repeat(`req_${n}`));
      await sleep(50);
    }
    const { kysely } = tollgate.app.get(Database);
    await records.keep(kysely, first, { body: 'what it said', conversationId: undefined });
    expect(new Set(await Promise.all(repeated))).toEqual(new Set(['what it said']));
    alive.mockRestore();
  });

  it('kept answers survive until they are a day old, and are swept then', async () => {
    await (await ask()).text();
    const rows = () =>
      tollgate.app
        .get(Database)
        .kysely.selectFrom('idempotency_records')
        .select('body')
        .where('idempotency_key', '=', key)
        .execute();
    const service = tollgate.app.get(IdempotencyService, { strict: false });
    await service.sweep();
    expect(await rows()).toHaveLength(1);
    await tollgate.app
      .get(Database)
      .kysely.updateTable('idempotency_records')
      .set({ created_at_ms: BigInt(Date.now() - 24 * 3_600_000 - 1) })
      .where('idempotency_key', '=', key)
      .execute();
    await service.sweep();
    expect(await rows()).toHaveLength(0);
  });

  it.each(['with blank', 'x'.repeat(256)])('a key that cannot be one is refused: %j', async (bad) => {
    expect((await ask(ASK, undefined, bad)).status).toBe(400);
  });
});
