import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UsageRepository, type UsageRecord } from '../../src/billing/usage.repository.js';
import type { Database } from '../../src/persistence/database.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import { newDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { controlled, type ControlledReply, endless, stall } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { HUGE_MODEL, HUGE_MODEL_YAML, HUGE_TPM, PAGE_CHUNK } from '../support/huge-model.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { catalogueYaml } from '../support/tollgate.js';
import { TollgateProcess } from '../support/tollgate-process.js';
import { chatBody, Q, SURFACES, type WireSurface } from '../support/wire-surfaces.js';

const KEY = 'sk-tollgate-of-the-drain-test-0123456789';
const [, HELLO, , FINISH, USAGE] = chatChunks();
const DRAIN_TIMEOUT_MS = 2_000;
const CUT = 'The server is shutting down before this answer ended.';

describe('P1: SIGTERM', () => {
  let upstream: FakeUpstream;
  let gateway: TollgateProcess;
  let port: number;
  let database: Awaited<ReturnType<typeof newDatabase>>;
  const open: RawClient[] = [];

  beforeEach(async () => {
    upstream = await FakeUpstream.start();
    database = await newDatabase();
    gateway = await TollgateProcess.start({
      yaml: catalogueYaml(upstream.baseUrl, HUGE_MODEL_YAML),
      env: {
        BOOTSTRAP_API_KEY: KEY,
        ADMIN_KEY: 'admin-key-of-the-drain-test',
        LOG_LEVEL: 'warn',
        AUTH_FAILURES_PER_MINUTE: '100000',
        ...HUGE_TPM,
        DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
        ...(database === undefined ? {} : { DATABASE_URL: database.url }),
      },
    });
    port = Number(new URL(await gateway.origin()).port);
    await eventually(async () => (await get('/v1/models')).ok, 'a first boot that is over');
  });
  afterEach(async () => {
    for (const client of open.splice(0)) client.close();
    await gateway.discard();
    await upstream.close();
    await database?.drop();
  });

  async function ask(surface: WireSurface, id: string, stream = true): Promise<RawClient> {
    const headers = { authorization: `Bearer ${KEY}`, 'x-request-id': id };
    const request = httpRequest(surface.chat, { headers, body: chatBody({ stream }) });
    const client = await RawClient.ask(port, request);
    open.push(client);
    return client;
  }

  /** A stream that has begun, and what its upstream does with it. */
  async function begin(
    surface: WireSurface,
    id: string,
  ): Promise<{ client: RawClient; live: ControlledReply }> {
    const live = controlled();
    upstream.enqueue(live.reply);
    const client = await ask(surface, id);
    await live.event(HELLO);
    await client.seen('"content":"Hello"');
    return { client, live };
  }

  async function get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${KEY}` } });
  }

  it('lets answers end, refuses new ones, cuts the rest, settles all and exits 0', async () => {
    const inTime = [];
    const late = [];
    for (const surface of SURFACES)
      for (let n = 0; n < 5; n += 1) {
        inTime.push(await begin(surface, `in-time-${surface.name}-${n}`));
        late.push({ surface, ...(await begin(surface, `late-${surface.name}-${n}`)) });
      }
    upstream.enqueue(stall(), stall());
    const silent = await ask(Q, 'silent');
    const whole = await ask(Q, 'whole', false);
    await eventually(() => upstream.requests.length === 32, 'all requests upstream');

    const askedAtMs = performance.now();
    gateway.signal('SIGTERM');

    const ready = await eventually(async () => {
      const response = await get('/health/ready');
      return response.status === 503 && response;
    });
    expect(await ready.json()).toMatchObject({ error: { code: 'overloaded' } });
    expect((await get('/health/live')).status).toBe(200);
    for (const surface of SURFACES)
      for (const stream of [true, false]) {
        const refused = await ask(surface, 'refused', stream);
        await refused.seen('"overloaded"');
        expect(refused.text).toMatch(/^HTTP\/1\.1 503 /);
        expect(refused.text).toContain('\r\nretry-after: 1\r\n');
      }
    expect(upstream.requests).toHaveLength(32);

    for (const { client, live } of inTime) {
      await live.event(FINISH);
      await live.event(USAGE);
      await live.end();
      await client.seen('data: [DONE]\n\n');
    }
    for (const { client } of late) {
      await client.seen('"finish_reason":"error"');
      await client.seen(`data: {"error":{"message":"${CUT}"`);
      await client.seen('\r\n0\r\n\r\n');
      expect(client.text).not.toContain('[DONE]');
    }
    for (const client of [silent, whole]) {
      await client.seen(CUT);
      expect(client.text).toMatch(/^HTTP\/1\.1 503 /);
      expect(client.text).toContain('\r\nretry-after: 1\r\n');
    }

    expect(await gateway.exitCode()).toBe(0);
    expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(DRAIN_TIMEOUT_MS);
    await expect(RawClient.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    const rows = await usage();
    expect(Object.fromEntries(Object.entries(rows).map(([id, row]) => [id, facts(row)]))).toEqual({
      ...Object.fromEntries(
        SURFACES.flatMap(({ name }) =>
          [0, 1, 2, 3, 4].flatMap((n) => [
            [`in-time-${name}-${n}`, { outcome: 'completed', completionTokens: 3, creditHundredths: 1n }],
            [`late-${name}-${n}`, { outcome: 'drained', completionTokens: 1, creditHundredths: 1n }],
          ]),
        ),
      ),
      silent: { outcome: 'drained', completionTokens: 0, creditHundredths: 0n },
      whole: { outcome: 'drained', completionTokens: 0, creditHundredths: 0n },
    });
  });

  it('exits at once where nothing is under way, whatever connections are idle', async () => {
    const client = await ask(Q, 'done', false);
    await client.seen('Hello there!');
    await get('/health/live');
    const askedAtMs = performance.now();
    gateway.signal('SIGTERM');
    expect(await gateway.exitCode()).toBe(0);
    expect(performance.now() - askedAtMs).toBeLessThan(DRAIN_TIMEOUT_MS);
  });

  it('waits no longer for a client that does not read', async () => {
    upstream.enqueue(endless(PAGE_CHUNK));
    const client = await RawClient.connect(port);
    open.push(client);
    client.stopReading();
    client.send(
      httpRequest(Q.chat, {
        headers: { authorization: `Bearer ${KEY}`, 'x-request-id': 'deaf' },
        body: chatBody({ model: HUGE_MODEL, stream: true }),
      }),
    );
    const { response } = await upstream.nextRequest();
    await eventually(() => response.bytesSent > 5_000_000, 'full buffers');
    gateway.signal('SIGTERM');
    expect(await gateway.exitCode()).toBe(0);
    expect((await usage())['deaf']).toMatchObject({ outcome: 'drained', usageSource: 'estimated' });
  });

  it('and another is a wish to leave now', async () => {
    await begin(Q, 'left');
    gateway.signal('SIGTERM');
    await eventually(async () => (await get('/health/ready')).status === 503);
    gateway.signal('SIGINT');
    expect(await gateway.exitCode()).toBe(1);
  });

  /** Rows by the id that the client gave, and no hold left open. */
  async function usage(): Promise<Record<string, UsageRecord>> {
    const storage: Database =
      database === undefined
        ? await SqliteDatabase.open(join(gateway.folder, 'data'))
        : await PostgresDatabase.open({ url: database.url });
    try {
      const holds = await storage.kysely.selectFrom('holds').select('state').execute();
      expect(holds.filter(({ state }) => state === 'open')).toEqual([]);
      const ids = await storage.kysely
        .selectFrom('usage_records')
        .select(['account_id', 'request_id'])
        .execute();
      const usages = new UsageRepository(storage);
      const rows = await Promise.all(
        ids.map((row) => usages.findByRequestId(row.account_id, row.request_id)),
      );
      expect(new Set(rows.map((row) => row?.clientRequestId)).size).toBe(rows.length);
      return Object.fromEntries(rows.map((row) => [row?.clientRequestId ?? '', row as UsageRecord]));
    } finally {
      await storage.close();
    }
  }
});

function facts({ outcome, completionTokens, creditHundredths }: UsageRecord): Partial<UsageRecord> {
  return { outcome, completionTokens, creditHundredths };
}
