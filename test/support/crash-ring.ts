import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely } from 'kysely';
import { createPostgresDialect } from '../../src/persistence/dialects/postgres-dialect.js';
import { SqliteDialect } from '../../src/persistence/dialects/sqlite-dialect.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import type { Tables } from '../../src/persistence/tables.js';
import { createPayer, type Payer } from './crash-accounts.js';
import { ask, busyUpstream, calmUpstream, load } from './crash-load.js';
import { GatewayProcess, NeverListenedError } from './crash-process.js';
import { brokenTalks, Talks } from './crash-talks.js';
import { eventually } from './eventually.js';
import { FakeUpstream } from './fake-upstream.js';
import { brokenInvariants, openHolds, type Seen } from './invariants.js';
import { catalogueYaml } from './tollgate.js';

/** Where a life ends: at a point of `test/crash/fixtures/crash-points.mjs`, when the upstream is asked, or any time. */
export type CrashPoint =
  | 'after-hold'
  | 'upstream-wait'
  | 'mid-stream'
  | 'before-commit'
  | 'after-commit'
  | 'before-last-byte'
  | 'turn-answered'
  | 'turn-written'
  | 'turn-settled'
  | 'any-time';

const ACCOUNTS = 4;
const CREDIT_HUNDREDTHS = 10_000_000n;

/** A point that is not reached by then (a commit too many asked for) is a death at any time. */
const LONGEST_LIFE_MS = 1_000;

export interface CrashRingSettings {
  /** `undefined`: SQLite in a folder of its own. */
  readonly databaseUrl?: string | undefined;
  readonly accounts?: number;
  readonly creditHundredths?: bigint;
  /** More models, as YAML. */
  readonly models?: string;
}

/** One database, one upstream, and gateways that live and die upon them. */
export class CrashRing {
  /** What every client saw, over all lives. */
  readonly seen: Seen[] = [];
  kills = 0;
  /** Of those, deaths at their point. */
  readonly reached = new Map<CrashPoint, number>();
  private readonly talks = new Talks();

  private constructor(
    readonly upstream: FakeUpstream,
    private readonly payers: readonly Payer[],
    /** Reads the database past the gateways, also while they are at work. */
    readonly db: Kysely<Tables>,
    private readonly env: Readonly<Record<string, string>>,
    private readonly folder: string,
  ) {}

  static async open(settings: CrashRingSettings = {}): Promise<CrashRing> {
    const { databaseUrl, accounts = ACCOUNTS, creditHundredths = CREDIT_HUNDREDTHS, models } = settings;
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-crash-'));
    const dataDir = join(folder, 'data');
    const database =
      databaseUrl === undefined
        ? await SqliteDatabase.open(dataDir)
        : await PostgresDatabase.open({ url: databaseUrl });
    const payers: Payer[] = [];
    for (let i = 0; i < accounts; i += 1) payers.push(await createPayer(database, creditHundredths));
    await database.close();

    const upstream = (await FakeUpstream.start()).otherwise(busyUpstream);
    await writeFile(join(folder, 'tollgate.yaml'), catalogueYaml(upstream.baseUrl, models));
    const dialect =
      databaseUrl === undefined
        ? new SqliteDialect(
            new DatabaseSync(join(dataDir, 'tollgate.db'), { readOnly: true, timeout: 5_000 }),
          )
        : createPostgresDialect({ url: databaseUrl, maxConnections: 2 });
    const env = {
      CONFIG_FILE: join(folder, 'tollgate.yaml'),
      DATA_DIR: dataDir,
      NODE_COMPILE_CACHE: join(tmpdir(), 'tollgate-compile-cache'),
      PROCESS_DEAD_AFTER_MS: '1000',
      ADMIN_KEY: 'admin-key-of-the-ring',
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    };
    return new CrashRing(upstream, payers, new Kysely<Tables>({ dialect }), env, folder);
  }

  /** The first of the accounts, and where there is but one, the only. */
  get firstPayer(): Payer {
    const [first] = this.payers;
    if (first === undefined) throw new Error('A ring needs an account');
    return first;
  }

  async close(): Promise<void> {
    await this.upstream.close();
    await this.db.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }

  start(env: Readonly<Record<string, string>> = {}, preload?: string): Promise<GatewayProcess> {
    return GatewayProcess.start({ ...this.env, ...env }, preload);
  }

  /** One life: start, load, death at the point's `passage`-th time; then what the rows say of all lives so far. */
  async life(point: CrashPoint, passage: number): Promise<string[]> {
    const gateway = await this.start({ CRASH_POINT: `${point}:${passage}` }, 'crash-points.js').catch(
      diedEarly,
    );
    this.talks.nextLife();
    if (gateway === undefined) {
      this.kills += 1;
      this.reach(point);
      return this.broken({ working: true });
    }
    const asked = this.upstream.requests.length;
    const deadline = performance.now() + (point === 'any-time' ? passage * 20 : LONGEST_LIFE_MS);
    const doom = (async () => {
      let isReached = false;
      while (gateway.alive && !isReached && performance.now() < deadline) {
        isReached = point === 'upstream-wait' && this.upstream.requests.length - asked >= passage;
        if (!isReached) await sleep(2);
      }
      if (isReached || !gateway.alive) this.reach(point);
      await gateway.kill();
      this.kills += 1;
    })();
    this.seen.push(
      ...(await load(
        () => gateway.origin,
        this.payers,
        (payer) => this.talks.next(payer),
        () => gateway.alive,
      )),
    );
    await doom;
    return this.broken({ working: true });
  }

  private reach(point: CrashPoint): void {
    this.reached.set(point, (this.reached.get(point) ?? 0) + 1);
  }

  /**
   * Lets one process live on until it has resolved everything that the dead ones left, and then goes on with every
   * conversation.
   */
  async aftermath(): Promise<string[]> {
    const gateway = await this.start();
    try {
      await eventually(async () => (await openHolds(this.db)).length === 0, 'an end of all holds', 20_000);
      const refused = await this.goOn(gateway);
      return [
        ...refused,
        ...(await this.broken({})),
        ...(await brokenTalks(this.db, this.upstream.requests)),
      ];
    } finally {
      await gateway.kill();
    }
  }

  /** One more turn of each conversation. @returns those that it is refused in */
  private async goOn(gateway: GatewayProcess): Promise<string[]> {
    this.upstream.otherwise(calmUpstream);
    const refused: string[] = [];
    const left = this.talks.all();
    await Promise.all(
      this.payers.map(async () => {
        for (let next = left.pop(); next !== undefined; next = left.pop()) {
          const [payer, name] = next;
          const question = { stream: false, model: payer.chatbotId, ...this.talks.goOn(payer, name) };
          const one = await ask(gateway.origin, payer.secret, question);
          if (one !== undefined) this.seen.push(one);
          if (one?.end !== 'whole') refused.push(`${name}: ${one?.refusal?.code}`);
        }
      }),
    );
    return refused;
  }

  private broken({ working = false }: { working?: boolean }): Promise<string[]> {
    return brokenInvariants(this.db, { seen: this.seen, working, turnsOnly: true });
  }
}

/** Commits of the start itself count too: a death there is one like any other. */
function diedEarly(error: unknown): undefined {
  if (!(error instanceof NeverListenedError) || !error.killed) throw error;
}
