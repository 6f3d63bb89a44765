import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { Database } from '../persistence/database.js';
import { literal } from '../persistence/literal.js';
import { IdempotentInsert } from '../persistence/idempotent-insert.js';
import type { Tables } from '../persistence/tables.js';
import type { WebhookEvent } from './webhook-event.js';

/** An event that the claimer alone may send, until its lease ends. */
export interface ClaimedEvent {
  readonly id: string;
  readonly body: string;
  /** With this one. */
  readonly attempts: number;
  readonly createdAtMs: number;
}

/** What came of an attempt. */
export type AttemptOutcome = {
  readonly id: string;
  /** Which attempt: a later one's outcome counts, not this. */
  readonly attempts: number;
} & (
  | { readonly state: 'delivered' }
  | { readonly state: 'given_up'; readonly failure: string }
  | { readonly state: 'pending'; readonly failure: string; readonly dueAtMs: number }
);

/** Events that wait for their delivery, and for a while those that had it. */
@Injectable()
export class OutboxRepository {
  private readonly insert = new IdempotentInsert(
    'webhook_events',
    ['id', 'type', 'body', 'state', 'attempts', 'due_at_ms', 'last_failure', 'created_at_ms'],
    'id',
  );

  constructor(private readonly database: Database) {}

  async add(trx: Kysely<Tables>, events: readonly WebhookEvent[]): Promise<void> {
    await this.insert.execute(
      trx,
      events.map((event) => ({
        id: event.id,
        type: event.type,
        body: event.body,
        state: 'pending' as const,
        attempts: 0,
        due_at_ms: BigInt(event.createdAtMs),
        last_failure: null,
        created_at_ms: BigInt(event.createdAtMs),
      })),
    );
  }

  /** Takes due events, those that have been due for longest first; each goes to one claimer, also among replicas. */
  async claim(nowMs: number, leaseUntilMs: number, limit: number): Promise<ClaimedEvent[]> {
    const rows = await this.database.kysely
      // Materialized, or PostgreSQL may run it once a row, each time past the limit by as many.
      .with(
        (due) => due('due').materialized(),
        (db) =>
          db
            .selectFrom('webhook_events')
            .select('id')
            .where('state', '=', literal('pending'))
            .where('due_at_ms', '<=', BigInt(nowMs))
            .orderBy('due_at_ms')
            .limit(limit)
            // SQLite's one writer holds the whole database; it knows no row locks and needs none.
            .$if(this.database.kind === 'postgres', (query) => query.forUpdate().skipLocked()),
      )
      .updateTable('webhook_events')
      .set({ attempts: sql`attempts + 1`, due_at_ms: BigInt(leaseUntilMs) })
      .where('id', 'in', (select) => select.selectFrom('due').select('due.id'))
      .returning(['id', 'body', 'attempts', 'created_at_ms'])
      .execute();
    return rows.map(({ created_at_ms, ...row }) => ({ ...row, createdAtMs: Number(created_at_ms) }));
  }

  /** An outcome that another attempt has overtaken changes nothing, nor does one that is recorded twice. */
  async record(trx: Kysely<Tables>, outcome: AttemptOutcome): Promise<void> {
    await trx
      .updateTable('webhook_events')
      .set({
        state: outcome.state,
        ...(outcome.state === 'delivered' ? {} : { last_failure: outcome.failure }),
        ...(outcome.state === 'pending' ? { due_at_ms: BigInt(outcome.dueAtMs) } : {}),
      })
      .where('id', '=', outcome.id)
      .where('attempts', '=', outcome.attempts)
      .where('state', '=', 'pending')
      .execute();
  }

  /** Forgets some that are delivered or given up. @returns how many; fewer than `limit`: all */
  async removeDone(createdBeforeMs: number, limit: number): Promise<number> {
    const { numDeletedRows } = await this.database.kysely
      .deleteFrom('webhook_events')
      .where('id', 'in', (select) =>
        select
          .selectFrom('webhook_events')
          .select('id')
          .where('state', '<>', literal('pending'))
          .where('created_at_ms', '<', BigInt(createdBeforeMs))
          .limit(limit),
      )
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  }
}
