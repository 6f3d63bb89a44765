import { sql, type Kysely, type Selectable } from 'kysely';
import { FixedQuery } from '../persistence/fixed-query.js';
import type { ConversationMessagesTable, Tables } from '../persistence/tables.js';

const COLUMNS = [
  'conversation_id',
  'seq',
  'id',
  'turn',
  'role',
  'bytes',
  'body',
  'sealed_with',
  'request_id',
  'created_at_ms',
] as const satisfies readonly (keyof ConversationMessagesTable)[];

/** A turn has two messages, or a few more with tools: so many go in one statement of just their number. */
const FEW_ROWS = 8;

/** Of one statement. Whoever sends a long history must not keep the transaction, and all who wait for it, for long. */
const MAX_ROWS = 256;

/** Adds messages to conversations, several in one statement. */
export class MessageInsert {
  /** By number of rows. */
  readonly #inserts = new Map<number, FixedQuery>();

  async execute(db: Kysely<Tables>, rows: readonly Selectable<ConversationMessagesTable>[]): Promise<void> {
    for (let start = 0; start < rows.length;) {
      const piece = rows.slice(start, start + pieceOf(rows.length - start));
      start += piece.length;
      const parameters: unknown[] = [];
      for (const row of piece) addValues(row, parameters);
      await this.#insertOf(piece.length).run(db, parameters);
    }
  }

  #insertOf(rowCount: number): FixedQuery {
    let insert = this.#inserts.get(rowCount);
    if (insert === undefined) {
      const row = sql`(${sql.join(COLUMNS.map(() => null))})`;
      insert = new FixedQuery(
        sql`insert into conversation_messages (${sql.join(COLUMNS.map((column) => sql.ref(column)))})
        values ${sql.join(Array.from({ length: rowCount }, () => row))}`,
      );
      this.#inserts.set(rowCount, insert);
    }
    return insert;
  }
}

/** Powers of two beyond the few, so that few texts stay prepared. */
function pieceOf(rowCount: number): number {
  return rowCount <= FEW_ROWS ? rowCount : 2 ** Math.floor(Math.log2(Math.min(rowCount, MAX_ROWS)));
}

/** In the order of `COLUMNS`; written out, because every turn comes by here. */
function addValues(row: Selectable<ConversationMessagesTable>, parameters: unknown[]): void {
  parameters.push(
    row.conversation_id,
    row.seq,
    row.id,
    row.turn,
    row.role,
    row.bytes,
    row.body,
    row.sealed_with,
    row.request_id,
    row.created_at_ms,
  );
}
