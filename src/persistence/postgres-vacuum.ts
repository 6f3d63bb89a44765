import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { createPostgresDialect } from './dialects/postgres-dialect.js';
import { operatorMessage } from './operator-message.js';
import type { Tables } from './tables.js';

/** Tables with people's words. */
const TABLES = ['conversations', 'conversation_messages', 'idempotency_records'] as const;

/** Between two runs, at least. */
const SPACING_MS = 60_000;

const TIMEOUT_MS = 15 * 60_000;

/**
 * Asks the server to clean up after deletions sooner than it would by itself: then the space of deleted rows is used
 * again. On a connection of its own, whose statements may take their time; at most once a minute.
 */
export class PostgresVacuum {
  readonly #logger = new Logger('Database');
  readonly #url: string;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;

  /** @param url `postgres://…`, secret */
  constructor(url: string) {
    this.#url = url;
  }

  /** Returns at once; what was deleted before is cleaned up after a while. */
  request(): void {
    this.#again = this.#running !== undefined;
    if (this.#stopping.signal.aborted) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.request();
    });
  }

  /** Begins nothing more. What is under way may outlast this: the server ends it when we are gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.race([this.#running, pause(1_000, undefined, { ref: false })]);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const kysely = new Kysely<Tables>({
      dialect: createPostgresDialect({ url: this.#url, maxConnections: 1, statementTimeoutMs: TIMEOUT_MS }),
    });
    try {
      for (const table of TABLES) {
        if (this.#stopping.signal.aborted) return;
        await sql`vacuum ${sql.table(table)}`.execute(kysely);
      }
    } catch (error) {
      this.#logger.warn(`deleted rows not cleaned up: ${operatorMessage(error)}`);
    } finally {
      await kysely.destroy();
    }
    await pause(SPACING_MS, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
  }
}
