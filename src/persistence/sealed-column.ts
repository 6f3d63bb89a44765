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
/** Rows that are looked at for one that is plain. */
const MAX_LOOKED_AT = 500;

/** The key of a row, and how long its text is; `null`: it is not looked for. */
type SizedRow = Readonly<Record<string, unknown>>;

function leading(rows: readonly SizedRow[]): SizedRow[] {
  let bytes = 0;
  const end = rows.findIndex(({ octets }, index) => {
    bytes += Number(octets ?? 0);
    return index > 0 && bytes > MAX_BYTES;
  });
  return end === -1 ? [...rows] : rows.slice(0, end);
}

/** A column of texts that are sealed where `sealed_with` names a key. */
export class SealedColumn {
  private readonly tableSql: RawBuilder<unknown>;
  private readonly textSql: RawBuilder<unknown>;
  private readonly keySql: RawBuilder<unknown>;

  /**
   * @param key columns that find a row
   * @param names columns that stand in the place that a text is sealed for
   */
  constructor(
    readonly table: keyof Tables & string,
    readonly text: string,
    private readonly key: readonly string[],
    private readonly names: readonly [string, string?],
  ) {
    this.tableSql = sql.table(table);
    this.textSql = sql.ref(text);
    this.keySql = sql.join(key.map((column) => sql.ref(column)));
  }

  /** What the text of a row is sealed for, by the values of `names`. */
  placeOf(first: string, second?: string): string {
    return second === undefined ? `${this.table} ${first}` : `${this.table} ${first} ${second}`;
  }

  /** Names of the keys that texts are sealed with. */
  async listKeyNames(db: Kysely<Tables>): Promise<string[]> {
    const names: string[] = [];
    // One look at the index for each name, however many rows have it.
    for (let last = ''; ;) {
      const { rows } = await sql<{ name: string | null }>`
        select min(sealed_with) as name from ${this.tableSql} where sealed_with > ${last}`.execute(db);
      const name = rows[0]?.name ?? null;
      if (name === null) return names;
      names.push(name);
      last = name;
    }
  }

  /** Some of the texts that are sealed with a key, but for the first `skipped`. */
  async listSealedWith(name: string, skipped: number, db: Kysely<Tables>): Promise<SealedText[]> {
    const { rows } = await sql<SizedRow>`
      select ${this.keySql}, octet_length(${this.textSql}) as octets
      from ${this.tableSql} where sealed_with = ${name} and ${this.textSql} is not null
      limit ${MAX_ROWS} offset ${skipped}`.execute(db);
    return this.read(leading(rows), db);
  }

  /**
   * Plain texts in the order of their keys, after a key (`undefined`: from the start). No index has them, so each part
   * looks through so many rows and may find none in them.
   */
  async listPlain(
    after: readonly unknown[] | undefined,
    db: Kysely<Tables>,
  ): Promise<{ readonly texts: SealedText[]; readonly last: readonly unknown[] | undefined }> {
    const later =
      after === undefined
        ? sql`1 = 1`
        : sql`(${this.keySql}) > (${sql.join(after.map((value) => sql`${value}`))})`;
    const { rows } = await sql<SizedRow>`
      select ${this.keySql}, case when sealed_with is null then octet_length(${this.textSql}) end as octets
      from ${this.tableSql} where ${later} order by ${this.keySql} limit ${MAX_LOOKED_AT}`.execute(db);
    const looked = leading(rows);
    const plain = looked.filter(({ octets }) => octets !== null);
    return { texts: await this.read(plain, db), last: looked.at(-1) && this.keyOf(looked.at(-1) ?? {}) };
  }

  /** @returns false: it has changed since it was read, and stays as it is */
  async replace({ key, text }: SealedText, by: Sealed, trx: Transaction<Tables>): Promise<boolean> {
    const { numAffectedRows } = await sql`
      update ${this.tableSql} set ${this.textSql} = ${by.text}, sealed_with = ${by.sealedWith}
      where ${this.isRow(key)} and ${this.textSql} = ${text}`.execute(trx);
    return numAffectedRows === 1n;
  }

  private async read(rows: readonly SizedRow[], db: Kysely<Tables>): Promise<SealedText[]> {
    const texts: SealedText[] = [];
    for (const row of rows) {
      const text = await this.find(this.keyOf(row), db);
      if (text !== undefined) texts.push(text);
    }
    return texts;
  }

  private async find(key: readonly unknown[], db: Kysely<Tables>): Promise<SealedText | undefined> {
    const [first, second = first] = this.names;
    const { rows } = await sql<Record<string, string>>`
      select ${sql.ref(first)}, ${sql.ref(second)}, ${this.textSql}
      from ${this.tableSql} where ${this.isRow(key)}`.execute(db);
    const [row] = rows;
    const text = row?.[this.text];
    if (row === undefined || typeof text !== 'string') return undefined;
    const place = this.placeOf(String(row[first]), second === first ? undefined : String(row[second]));
    return { key, text, place };
  }

  private keyOf(row: SizedRow): unknown[] {
    return this.key.map((column) => row[column]);
  }

  private isRow(key: readonly unknown[]) {
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
