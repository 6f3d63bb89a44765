import { Injectable } from '@nestjs/common';
import { sql, type RawBuilder } from 'kysely';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from './database.js';
import { ProcessIdentityService } from './process-identity.service.js';

const DATABASE_NOW_MS = sql<bigint>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;

/** What another process last showed, and since when, by our own monotonic clock, it has shown nothing else. */
interface Watched {
  readonly seenAtMs: bigint | undefined;
  readonly sinceMs: number;
}

/**
 * Which processes live. The embedded database has one, by the lock on its folder. Replicas each write the time into a
 * row of the server database, again and again, and watch the rows of the others: who shows the same for
 * `PROCESS_DEAD_AFTER_MS` of the watcher's own monotonic time is dead; if it is not, it will find its holds resolved.
 * The written times are only compared for being the same: no jump of any clock makes anyone look dead.
 */
@Injectable()
export class ProcessRegistryService {
  private readonly watched = new Map<string, Watched>();
  private lastLookMs: number | undefined;
  private readonly deadAfterMs: number;

  constructor(
    private readonly database: Database,
    private readonly identity: ProcessIdentityService,
    private readonly clock: Clock,
    config: AppConfig,
  ) {
    this.deadAfterMs = config.storage.processDeadAfterMs;
  }

  /** How often to call `heartbeat` and `observe`: several times before anyone could take it for a death. */
  get heartbeatMs(): number {
    return this.deadAfterMs / 6;
  }

  /** Says that this process lives. */
  async heartbeat(): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    await this.database.kysely
      .insertInto('processes')
      .values({ id: this.identity.id, seen_at_ms: DATABASE_NOW_MS })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at_ms: DATABASE_NOW_MS }))
      .execute();
  }

  /**
   * Looks at all processes, and at these owners whether they are known or not. Call it every `heartbeatMs`.
   * @returns those of `owners` that are dead
   */
  async observe(owners: readonly string[]): Promise<string[]> {
    if (this.database.kind === 'sqlite') return owners.filter((id) => id !== this.identity.id);
    const shown = await this.shown();
    const nowMs = this.clock.monotonicMs();
    // Where we could not look (we stood still, or the database was away) others could not show that they live.
    if (this.lastLookMs !== undefined && nowMs - this.lastLookMs > this.deadAfterMs / 2) this.watched.clear();
    this.lastLookMs = nowMs;
    const present = new Set([...shown.keys(), ...owners]);
    for (const id of this.watched.keys()) if (!present.has(id)) this.watched.delete(id);
    for (const id of present) {
      const seenAtMs = shown.get(id);
      const before = this.watched.get(id);
      if (before === undefined || before.seenAtMs !== seenAtMs)
        this.watched.set(id, { seenAtMs, sinceMs: nowMs });
    }
    return owners.filter((id) => this.isDead(id, nowMs));
  }

  /** Ids of the processes that may still be at work; this one always. */
  async alive(): Promise<string[]> {
    if (this.database.kind === 'sqlite') return [this.identity.id];
    const nowMs = this.clock.monotonicMs();
    const shown = await this.shown();
    const others = [...shown].filter(
      ([id, seenAtMs]) => this.watched.get(id)?.seenAtMs !== seenAtMs || !this.isDead(id, nowMs),
    );
    return [this.identity.id, ...others.map(([id]) => id)];
  }

  /**
   * Removes the rows of dead processes that own nothing any more. One that was not dead writes its row again.
   * @param ownsSomething a condition on the process with an id
   */
  async forgetDead(ownsSomething: (id: string) => RawBuilder<boolean>): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    const nowMs = this.clock.monotonicMs();
    for (const [id, { seenAtMs }] of this.watched) {
      if (seenAtMs === undefined || !this.isDead(id, nowMs)) continue;
      await this.database.kysely
        .deleteFrom('processes')
        .where('id', '=', id)
        .where('seen_at_ms', '=', seenAtMs)
        .where(({ not }) => not(ownsSomething(id)))
        .execute();
    }
  }

  /** Deregisters this process on clean shutdown: nothing of it is open any more. */
  async deregister(): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    await this.database.kysely.deleteFrom('processes').where('id', '=', this.identity.id).execute();
  }

  private isDead(id: string, nowMs: number): boolean {
    const watched = this.watched.get(id);
    return id !== this.identity.id && watched !== undefined && nowMs - watched.sinceMs >= this.deadAfterMs;
  }

  private async shown(): Promise<Map<string, bigint>> {
    const rows = await this.database.kysely.selectFrom('processes').select(['id', 'seen_at_ms']).execute();
    return new Map(rows.map((row) => [row.id, row.seen_at_ms]));
  }
}
