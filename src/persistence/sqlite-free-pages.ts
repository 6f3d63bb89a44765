import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Transaction } from 'kysely';
import type { Tables } from './tables.js';

/** The setting that says that free pages of the file may hold what was deleted. */
const MARK = 'free_pages_hold_remnants';

/** Pages of one transaction: the log grows by them until it is cut off again. */
const PAGES_AT_ONCE = 256;
const ROWS_AT_ONCE = 16;

/** In the transaction that frees pages without overwriting them. */
export async function markFreePages(trx: Transaction<Tables>): Promise<void> {
  await trx
    .insertInto('settings')
    .values({ key: MARK, value: randomUUID() })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((row) => ({ value: row.ref('excluded.value') })),
    )
    .execute();
}

/**
 * Overwrites free pages of a file: a table of zeros takes them all, and is dropped. Each step is one short transaction;
 * the log is cut off between them, so a full disk has room enough for it.
 */
export class FreePages {
  constructor(private readonly database: DatabaseSync) {}

  /** Names the last deletion that left something in free pages; `undefined`: none has. */
  get mark(): string | undefined {
    const row = this.database.prepare('select value from settings where key = ?').get(MARK);
    return row && String(row['value']);
  }

  /** @returns whether there may be more */
  overwriteSome(usableBytes: number): boolean {
    return this.inTransaction(() => {
      this.database.exec('create table if not exists overwritten_pages (zeros blob)');
      const { freelist_count: free } = this.database.prepare('pragma freelist_count').get() as {
        freelist_count: number;
      };
      if (free === 0) return false;
      // So long that it fills just so many overflow pages, and a little of a leaf.
      const bytes = Math.min(free, PAGES_AT_ONCE) * (usableBytes - 4) + 200;
      this.database.prepare('insert into overwritten_pages values (zeroblob(?))').run(bytes);
      return true;
    });
  }

  /**
   * Gives the pages back.
   * @param mark as it was before the first of them was overwritten; a later deletion needs another round
   * @returns whether there may be more
   */
  freeSome(mark: string): boolean {
    this.database.exec('pragma secure_delete = fast');
    try {
      return this.inTransaction(() => {
        const { changes } = this.database
          .prepare(
            `delete from overwritten_pages where rowid in (select rowid from overwritten_pages limit ${ROWS_AT_ONCE})`,
          )
          .run();
        if (changes > 0) return true;
        this.database.exec('drop table overwritten_pages');
        this.database.prepare('delete from settings where key = ? and value = ?').run(MARK, mark);
        return false;
      });
    } finally {
      this.database.exec('pragma secure_delete = on');
    }
  }

  private inTransaction<T>(work: () => T): T {
    this.database.exec('begin immediate');
    try {
      const result = work();
      this.database.exec('commit');
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('rollback');
      throw error;
    }
  }
}
