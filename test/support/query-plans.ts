import { DatabaseSync } from 'node:sqlite';
import { CompiledQuery, Kysely, sql, type Transaction } from 'kysely';
import { Database } from '../../src/persistence/database.js';
import { createPostgresDialect } from '../../src/persistence/dialects/postgres-dialect.js';
import { SqliteDialect } from '../../src/persistence/dialects/sqlite-dialect.js';
import { migrate } from '../../src/persistence/migrate.js';
import type { Tables } from '../../src/persistence/tables.js';

/** A statement, and how the database finds its rows: one line a step. */
export interface Plan {
  readonly sql: string;
  readonly steps: readonly string[];
}

/** A database that tells how it would carry out what is asked of it. */
export class ExplainedDatabase extends Database {
  readonly ready = true;
  readonly lastError = undefined;
  readonly kysely: Kysely<Tables>;
  private readonly asked: CompiledQuery[] = [];
  private tables: ReadonlySet<string> = new Set();

  private constructor(
    readonly kind: 'sqlite' | 'postgres',
    dialect: ConstructorParameters<typeof Kysely>[0]['dialect'],
  ) {
    super();
    this.kysely = new Kysely<Tables>({
      dialect,
      log: ({ level, query }) => {
        if (level === 'query') this.asked.push(query);
      },
    });
  }

  /** @param url of an empty PostgreSQL database; `undefined`: SQLite, in memory */
  static async open(url: string | undefined): Promise<ExplainedDatabase> {
    const database =
      url === undefined
        ? new ExplainedDatabase('sqlite', new SqliteDialect(new DatabaseSync(':memory:')))
        : new ExplainedDatabase('postgres', createPostgresDialect({ url, maxConnections: 1 }));
    await migrate(database.kysely, database.kind);
    const tables = await database.kysely.introspection.getTables();
    database.tables = new Set(tables.map(({ name }) => name));
    return database;
  }

  isWritable(): Promise<boolean> {
    return Promise.resolve(true);
  }

  deleting<T>(work: (trx: Transaction<Tables>, frugal: boolean) => Promise<T>): Promise<T> {
    return this.kysely.transaction().execute((trx) => work(trx, false));
  }

  refuseWithoutDisk(): void {}

  /** Carries it out and explains every statement of it but those that begin and end transactions. */
  async plansOf(work: () => Promise<unknown>): Promise<Plan[]> {
    this.asked.length = 0;
    await work();
    const asked = this.asked.filter((query) => !/^(begin|start|set|commit)/.test(query.sql));
    const plans: Plan[] = [];
    // Settings of the transaction in which it was asked.
    const settings = this.asked.filter((query) => query.sql.startsWith('set local'));
    await this.kysely.transaction().execute(async (trx) => {
      for (const query of settings) await trx.executeQuery(query);
      for (const query of asked) plans.push({ sql: query.sql, steps: await this.explain(query, trx) });
    });
    return plans;
  }

  /** Steps that read a whole table, and not by an index. */
  wholeTables(plans: readonly Plan[]): string[] {
    return plans.flatMap(({ steps }) =>
      steps.filter((step) => {
        const [, table = ''] = /(?:Seq Scan on|^SCAN) (\S+)/.exec(step) ?? [];
        return this.tables.has(table) && !/USING (COVERING )?INDEX/.test(step);
      }),
    );
  }

  get reports(): Kysely<Tables> {
    return this.kysely;
  }

  get texts(): Kysely<Tables> {
    return this.kysely;
  }

  async whenReady(): Promise<void> {}

  async purgeDeleted(): Promise<void> {}

  async close(): Promise<void> {
    await this.kysely.destroy();
  }

  /** As a database does by itself sooner or later: looks what is in its tables. */
  async analyze(): Promise<void> {
    await sql`analyze`.execute(this.kysely);
  }

  private async explain({ sql: text, parameters }: CompiledQuery, db: Kysely<Tables>): Promise<string[]> {
    const explain = this.kind === 'sqlite' ? 'explain query plan' : 'explain';
    const { rows } = await db.executeQuery<{ detail?: string; 'QUERY PLAN'?: string }>(
      CompiledQuery.raw(`${explain} ${text}`, [...parameters]),
    );
    return rows.map((row) => (row.detail ?? row['QUERY PLAN'] ?? '').trim());
  }
}
