import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { Sealed } from './sealer.js';
import type { Tables } from './tables.js';

/** A text that is stored sealed, as it is now, and where. */
export interface SealedText {
  /** Values of the columns that find its row. */
  readonly key: readonly unknown[];
  /** What it is sealed for. */
  readonly place: string;
  readonly text: string;
}

/** Texts that are read at a time: so many, or the first few that are so long together. */
const MAX_ROWS = 100;
const MAX_BYTES = 1024 * 1024;

/** A column of texts that are sealed where `sealed_with` names a key. */
export class SealedColumn {
  readonly #table: RawBuilder<unknown>;
  readonly #text: RawBuilder<unknown>;

  /**
   * @param key columns that find a row
   * @param names columns that stand in the place that a text is sealed for
   */
  constructor(
    readonly table: keyof Tables & string,
    readonly text: string,
    private readonly key: readonly string[],
    private readonly names: readonly string[],
  ) {
    this.#table = sql.table(table);
    this.#text = sql.ref(text);
  }

  /** What the text of a row is sealed for; `names` as the columns are. */
  placeOf(...names: readonly string[]): string {
    return [this.table, ...names].join(' ');
  }

  /** Names of the keys that texts are sealed with, and `null` where there are plain ones. */
  async listKeyNames(db: Kysely<Tables>): Promise<(string | null)[]> {
    const names: (string | null)[] = [];
    const plain = await sql<{ one: bigint }>`
      select 1 as one from ${this.#table} where sealed_with is null and ${this.#text} is not null limit 1`.execute(
      db,
    );
    if (plain.rows.length > 0) names.push(null);
    // One look at the index for each name, however many rows have it.
    for (let last = ''; ;) {
      const { rows } = await sql<{ name: string | null }>`
        select min(sealed_with) as name from ${this.#table} where sealed_with > ${last}`.execute(db);
      const name = rows[0]?.name ?? null;
      if (name === null) return names;
      names.push(name);
      last = name;
    }
  }

  /** Some of the texts that are sealed with a key (`null`: plain), but for the first `skipped`. */
  async listSealedWith(name: string | null, skipped: number, db: Kysely<Tables>): Promise<SealedText[]> {
    const sealedWith = name === null ? sql`sealed_with is null` : sql`sealed_with = ${name}`;
    const sized = await sql<Record<string, unknown>>`
      select ${sql.join(this.key.map((column) => sql.ref(column)))}, octet_length(${this.#text}) as octets
      from ${this.#table} where ${sealedWith} and ${this.#text} is not null
      limit ${MAX_ROWS} offset ${skipped}`.execute(db);
    const texts: SealedText[] = [];
    let bytes = 0;
    for (const row of sized.rows) {
      bytes += Number(row['octets']);
      if (texts.length > 0 && bytes > MAX_BYTES) break;
      const text = await this.#find(
        this.key.map((column) => row[column]),
        db,
      );
      if (text !== undefined) texts.push(text);
    }
    return texts;
  }

  /** @returns false: it has changed since it was read, and stays as it is */
  async replace({ key, text }: SealedText, by: Sealed, trx: Transaction<Tables>): Promise<boolean> {
    const { numAffectedRows } = await sql`
      update ${this.#table} set ${this.#text} = ${by.text}, sealed_with = ${by.sealedWith}
      where ${this.#isRow(key)} and ${this.#text} = ${text}`.execute(trx);
    return numAffectedRows === 1n;
  }

  async #find(key: readonly unknown[], db: Kysely<Tables>): Promise<SealedText | undefined> {
    const { rows } = await sql<Record<string, string>>`
      select ${sql.join([...this.names, this.text].map((column) => sql.ref(column)))}
      from ${this.#table} where ${this.#isRow(key)}`.execute(db);
    const [row] = rows;
    const text = row?.[this.text];
    if (row === undefined || typeof text !== 'string') return undefined;
    return { key, text, place: this.placeOf(...this.names.map((name) => String(row[name]))) };
  }

  #isRow(key: readonly unknown[]) {
    return sql.join(
      this.key.map((column, index) => sql`${sql.ref(column)} = ${key[index]}`),
      sql` and `,
    );
  }
}

export const HEADS = new SealedColumn('conversations', 'head', ['id'], ['id']);

export const BODIES = new SealedColumn(
  'conversation_messages',
  'body',
  ['conversation_id', 'seq'],
  ['conversation_id', 'id'],
);

export const KEPT_ANSWERS = new SealedColumn(
  'idempotency_records',
  'body',
  ['account_id', 'idempotency_key'],
  ['account_id', 'idempotency_key'],
);

export const SEALED_COLUMNS: readonly SealedColumn[] = [HEADS, BODIES, KEPT_ANSWERS];
