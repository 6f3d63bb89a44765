import { beforeEach, afterEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { ProcessRegistryService } from '../../src/persistence/process-registry.service.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import { ProcessIdentityService } from '../../src/persistence/process-identity.service.js';
import { anAppConfig } from '../support/catalogue-builders.js';
import { onPostgres } from '../support/databases.js';
import { ManualClock } from '../support/manual-clock.js';

const DEAD_AFTER_MS = 30_000;
const HOUR_MS = 3_600_000n;

onPostgres((newDatabaseUrl) => {
  let database: PostgresDatabase;
  let clock: ManualClock;
  let watcher: ProcessRegistryService;
  let other: ProcessRegistryService;
  let otherId: string;

  beforeEach(async () => {
    database = await PostgresDatabase.open({ url: await newDatabaseUrl() });
    clock = new ManualClock();
    const config = anAppConfig({ upstreams: [], models: [] });
    const identity = new ProcessIdentityService();
    otherId = identity.id;
    watcher = new ProcessRegistryService(database, new ProcessIdentityService(), clock, config);
    other = new ProcessRegistryService(database, identity, clock, config);
    await other.heartbeat();
    await watcher.heartbeat();
    await watcher.observe([otherId]);
  });
  afterEach(() => database.close());

  /** Time passes for the watcher, which looks as often as it should. */
  async function watchFor(ms: number): Promise<string[]> {
    let dead: string[] = [];
    for (let passed = 0; passed < ms; passed += watcher.heartbeatMs) {
      clock.pass(watcher.heartbeatMs);
      dead = await watcher.observe([otherId]);
    }
    return dead;
  }

  it('P3: a process without a sign of life is dead after the bound, not before', async () => {
    expect(await watchFor(DEAD_AFTER_MS - watcher.heartbeatMs)).toEqual([]);
    expect(await watcher.alive()).toContain(otherId);
    expect(await watchFor(watcher.heartbeatMs)).toEqual([otherId]);
    expect(await watcher.alive()).not.toContain(otherId);
  });

  it('P3: one that wakes up again lives', async () => {
    await watchFor(DEAD_AFTER_MS);
    await other.heartbeat();
    expect(await watcher.alive()).toContain(otherId);
    expect(await watcher.observe([otherId])).toEqual([]);
  });

  it.each([HOUR_MS, -HOUR_MS])(
    'D10: a jump of the database clock by %s ms makes nobody dead',
    async (jump) => {
      await database.kysely
        .updateTable('processes')
        .set(({ eb }) => ({ seen_at_ms: eb('seen_at_ms', '-', jump) }))
        .execute();
      expect(await watcher.observe([otherId])).toEqual([]);
      expect(await watcher.alive()).toContain(otherId);
      expect(await watchFor(DEAD_AFTER_MS - watcher.heartbeatMs)).toEqual([]);
    },
  );

  it('D3: a time in which the watcher could not look counts for nobody', async () => {
    clock.pass(10 * DEAD_AFTER_MS);
    expect(await watcher.observe([otherId])).toEqual([]);
    expect(await watchFor(DEAD_AFTER_MS)).toEqual([otherId]);
  });

  it('an owner without a row is given the same time: it may have opened a hold before its first sign', async () => {
    await other.deregister();
    expect(await watcher.observe([otherId])).toEqual([]);
    expect(await watchFor(DEAD_AFTER_MS)).toEqual([otherId]);
  });

  it('rows of dead processes are removed once', async () => {
    await watchFor(DEAD_AFTER_MS);
    await watcher.forgetDead(() => sql<boolean>`1 = 0`);
    expect(await database.kysely.selectFrom('processes').select('id').execute()).toHaveLength(1);
  });
});
