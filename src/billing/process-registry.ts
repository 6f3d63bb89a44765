import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../persistence/database.js';
import { ProcessIdentity } from '../persistence/process-identity.js';

/** A process that has not been seen for so long is dead; if it is not, it will find its holds resolved. */
const DEAD_AFTER_MS = 30_000;

const DATABASE_NOW_MS = sql<bigint>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;

/**
 * Which processes live. The embedded database has one, by the lock on its folder; replicas tell each other through the
 * server database, by its clock, so that no machine's clock can make the others look dead.
 */
@Injectable()
export class ProcessRegistry {
  constructor(
    private readonly database: Database,
    private readonly identity: ProcessIdentity,
  ) {}

  /** Says that this process lives; more often than every 30 seconds. */
  async beat(): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    await this.database.kysely
      .insertInto('processes')
      .values({ id: this.identity.id, seen_at_ms: DATABASE_NOW_MS })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at_ms: DATABASE_NOW_MS }))
      .execute();
  }

  /** Ids of the processes that may still settle their holds; this one always. */
  async living(): Promise<string[]> {
    if (this.database.kind === 'sqlite') return [this.identity.id];
    const rows = await this.database.kysely
      .selectFrom('processes')
      .select('id')
      .where('seen_at_ms', '>', sql<bigint>`${DATABASE_NOW_MS} - ${DEAD_AFTER_MS}`)
      .execute();
    return [this.identity.id, ...rows.map(({ id }) => id)];
  }

  /** Leaves in peace: nothing of this process is open any more. */
  async leave(): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    await this.database.kysely.deleteFrom('processes').where('id', '=', this.identity.id).execute();
  }
}
