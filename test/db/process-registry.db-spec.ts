import { beforeEach, afterEach, expect, it } from '@jest/globals';
import { ProcessRegistry } from '../../src/billing/process-registry.js';
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
  let watcher: ProcessRegistry;
  let other: ProcessRegistry;
  let otherId: string;

  beforeEach(async () => {
    database = await PostgresDatabase.open({ url: await newDatabaseUrl() });
    clock = new ManualClock();
    const config = anAppConfig({ upstreams: [], models: [] });
    const identity = new ProcessIdentityService();
    otherId = identity.id;
    watcher = new ProcessRegistry(database, new ProcessIdentityService(), clock, config);
    other = new ProcessRegistry(database, identity, clock, config);
    await other.beat();
    await watcher.beat();
    await watcher.look([otherId]);
  });
  afterEach(() => database.close());

  /** Time passes for the watcher, which looks as often as it should. */
  async function watchFor(ms: number): Promise<string[]> {
    let dead: string[] = [];
    for (let passed = 0; passed < ms; passed += watcher.beatMs) {
      clock.pass(watcher.beatMs);
      dead = await watcher.look([otherId]);
    }
    return dead;
  }

  it('P3: a process without a sign of life is dead after the bound, not before', async () => {
    expect(await watchFor(DEAD_AFTER_MS - watcher.beatMs)).toEqual([]);
    expect(await watcher.living()).toContain(otherId);
    expect(await watchFor(watcher.beatMs)).toEqual([otherId]);
    expect(await watcher.living()).not.toContain(otherId);
  });

  it('P3: one that wakes up again lives', async () => {
    await watchFor(DEAD_AFTER_MS);
    await other.beat();
    expect(await watcher.living()).toContain(otherId);
    expect(await watcher.look([otherId])).toEqual([]);
  });

  it.each([HOUR_MS, -HOUR_MS])(
    'D10: a jump of the database clock by %s ms makes nobody dead',
    async (jump) => {
      await database.kysely
        .updateTable('processes')
        .set(({ eb }) => ({ seen_at_ms: eb('seen_at_ms', '-', jump) }))
        .execute();
      expect(await watcher.look([otherId])).toEqual([]);
      expect(await watcher.living()).toContain(otherId);
      expect(await watchFor(DEAD_AFTER_MS - watcher.beatMs)).toEqual([]);
    },
  );

  it('D3: a time in which the watcher could not look counts for nobody', async () => {
    clock.pass(10 * DEAD_AFTER_MS);
    expect(await watcher.look([otherId])).toEqual([]);
    expect(await watchFor(DEAD_AFTER_MS)).toEqual([otherId]);
  });

  it('an owner without a row is given the same time: it may have opened a hold before its first sign', async () => {
    await other.leave();
    expect(await watcher.look([otherId])).toEqual([]);
    expect(await watchFor(DEAD_AFTER_MS)).toEqual([otherId]);
  });

  it('rows of dead processes are removed once', async () => {
    await watchFor(DEAD_AFTER_MS);
    await watcher.forgetDead();
    expect(await database.kysely.selectFrom('processes').select('id').execute()).toHaveLength(1);
  });
});
