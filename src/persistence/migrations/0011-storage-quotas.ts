import { PostgresAdapter, sql, type Kysely, type RawBuilder } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Flat bytes of a row beside its texts: its other columns and its places in indices. So that many tiny rows count. */
const ROW_BYTES = 256;
const LARGE_ROW_BYTES = 512;

/** A table whose rows count for accounts: what each adds to which column, and whose it is. All of it is SQL. */
interface Counted {
  readonly table: string;
  readonly adds: Readonly<Record<string, (row: string) => string>>;
  readonly account: (row: string) => string;
  /** The text that updates change the length of, and the column that counts it. */
  readonly text?: { readonly name: string; readonly countedIn: string };
}

const COUNTED: readonly Counted[] = [
  {
    table: 'conversations',
    adds: {
      stored_bytes: (row) =>
        `octet_length(${row}.head) + octet_length(${row}.client_id) + ${LARGE_ROW_BYTES}`,
      conversations: (row) => `case when ${row}.kind = 'conversation' then 1 else 0 end`,
      stored_completions: (row) => `case when ${row}.kind = 'completion' then 1 else 0 end`,
    },
    account: (row) => `${row}.account_id`,
    text: { name: 'head', countedIn: 'stored_bytes' },
  },
  {
    table: 'conversation_messages',
    adds: { stored_bytes: (row) => `octet_length(${row}.body) + ${ROW_BYTES}` },
    // A conversation that is erased in parts is gone before its messages are.
    account: (row) => `coalesce(
      (select account_id from conversations where id = ${row}.conversation_id),
      (select account_id from erasures where conversation_id = ${row}.conversation_id))`,
    text: { name: 'body', countedIn: 'stored_bytes' },
  },
  {
    table: 'chatbots',
    adds: {
      stored_bytes: (row) => `coalesce(octet_length(${row}.key_ids), 0) + ${ROW_BYTES}`,
      chatbots: () => '1',
    },
    account: (row) => `${row}.account_id`,
    text: { name: 'key_ids', countedIn: 'stored_bytes' },
  },
  {
    table: 'chatbot_versions',
    adds: {
      stored_bytes: (row) => `octet_length(${row}.settings) + octet_length(${row}.listing) + ${ROW_BYTES}`,
    },
    account: (row) => `(select account_id from chatbots where id = ${row}.chatbot_id)`,
  },
  {
    table: 'idempotency_records',
    adds: {
      kept_answer_bytes: (row) =>
        `coalesce(octet_length(${row}.body), 0) + octet_length(${row}.idempotency_key) + ${LARGE_ROW_BYTES}`,
    },
    account: (row) => `${row}.account_id`,
    text: { name: 'body', countedIn: 'kept_answer_bytes' },
  },
];

const COUNTERS = [
  'stored_bytes',
  'conversations',
  'stored_completions',
  'chatbots',
  'kept_answer_bytes',
] as const;
const RESERVED = ['reserved_bytes', 'reserved_conversations', 'reserved_completions'] as const;

/** Of an account; `null`: the configured default. */
const LIMITS = [
  'max_stored_bytes',
  'max_conversations',
  'max_stored_completions',
  'max_chatbots',
  'max_chatbot_versions',
  'max_kept_answer_bytes',
] as const;

/** The defaults as they were when there were quotas for the first time. */
const FIRST_DEFAULTS: readonly (readonly [limit: string, counter: string, value: number])[] = [
  ['max_stored_bytes', 'stored_bytes', 256 * 1024 * 1024],
  ['max_conversations', 'conversations', 10_000],
  ['max_stored_completions', 'stored_completions', 10_000],
  ['max_chatbots', 'chatbots', 1_000],
  ['max_kept_answer_bytes', 'kept_answer_bytes', 1024 * 1024 * 1024],
];

/**
 * How much each account makes us store, kept beside the rows by the database itself, in the transaction that writes them:
 * no writer can forget it, whoever deletes, shortens or seals anew. And how much it may be.
 */
export const storageQuotas: Migration = {
  async up(db: Kysely<unknown>) {
    const postgres = db.getExecutor().adapter instanceof PostgresAdapter;
    let counts = db.schema
      .createTable('account_storage')
      .addColumn('account_id', 'text', (column) => column.primaryKey().notNull());
    for (const column of [...COUNTERS, ...RESERVED]) {
      counts = counts.addColumn(column, 'bigint', (definition) => definition.notNull().defaultTo(0));
    }
    await counts.execute();
    for (const limit of LIMITS) {
      await db.schema
        .alterTable('accounts')
        .addColumn(limit, 'bigint', (column) => column.check(sql`${sql.ref(limit)} >= 0`))
        .execute();
    }
    // What a request under way will store beside its answer.
    for (const column of RESERVED) {
      await db.schema
        .alterTable('holds')
        .addColumn(column, 'bigint', (definition) => definition.notNull().defaultTo(0))
        .execute();
    }
    for (const statement of postgres ? postgresTriggers() : sqliteTriggers()) {
      await sql.raw(statement).execute(db);
    }
    const columns = ['account_id', ...COUNTERS, ...RESERVED].map((column) => sql.ref(column));
    await sql`insert into account_storage (${sql.join(columns)}) ${storageRecount}`.execute(db);
    // Nobody's service ends with an upgrade: who stores more than half a default may store twice as much as now.
    for (const [limit, counter, value] of FIRST_DEFAULTS) {
      await sql`
        update accounts set ${sql.ref(limit)} = 2 * counted.${sql.ref(counter)} from account_storage as counted
        where counted.account_id = accounts.id and counted.${sql.ref(counter)} > ${sql.lit(value / 2)}`.execute(
        db,
      );
    }
    // Before, a chatbot kept its newest thousand versions.
    await sql`
      update accounts set max_chatbot_versions = 1000 where id in (
        select account_id from chatbots join chatbot_versions on chatbot_id = chatbots.id
        group by chatbots.id, account_id having count(*) > 50)`.execute(db);
  },
};

/** Counts anew what `account_storage` has to say: a row an account, the same columns. Reads every row there is. */
export const storageRecount: RawBuilder<unknown> = sql.raw(`
  select accounts.id as account_id,
    ${[...COUNTERS, ...RESERVED].map((column) => `coalesce(counted.${column}, 0) as ${column}`).join(', ')}
  from accounts left join (
    select account_id, ${[...COUNTERS, ...RESERVED].map((column) => `sum(${column}) as ${column}`).join(', ')}
    from (${[...COUNTED.map(rowsOf), reservedRows()].join(' union all ')}) as counted_rows
    group by account_id
  ) as counted on counted.account_id = accounts.id`);

function rowsOf({ table, adds, account }: Counted): string {
  const columns = [...COUNTERS, ...RESERVED].map((column) => `${adds[column]?.('r') ?? 0} as ${column}`);
  return `select ${account('r')} as account_id, ${columns.join(', ')} from ${table} as r`;
}

function reservedRows(): string {
  return `select account_id, ${[...COUNTERS.map(() => '0'), ...RESERVED].join(', ')} from holds
    where state = 'open' and reserved_bytes > 0`;
}

function sqliteTriggers(): string[] {
  return [
    ...COUNTED.flatMap((counted) => {
      const { table, account, text } = counted;
      const triggers = [
        `create trigger ${table}_counted after insert on ${table} begin ${sqliteChange('new', '+', counted)} end`,
        `create trigger ${table}_uncounted after delete on ${table} begin ${sqliteChange('old', '-', counted)} end`,
      ];
      if (text === undefined) return triggers;
      const { name, countedIn } = text;
      return [
        ...triggers,
        `create trigger ${table}_recounted after update of ${name} on ${table}
        when ${lengthOf('new', name)} <> ${lengthOf('old', name)} begin
          update account_storage set ${countedIn} = ${countedIn} + ${lengthOf('new', name)} - ${lengthOf('old', name)}
          where account_id = ${account('new')};
        end`,
      ];
    }),
    `create trigger accounts_counted after insert on accounts begin
      insert into account_storage (account_id) values (new.id);
    end`,
    // A cascade deletes versions when nobody can tell any more whose they are.
    `create trigger chatbots_before_delete before delete on chatbots begin
      delete from chatbot_versions where chatbot_id = old.id;
    end`,
    `create trigger holds_reserved after update of reserved_bytes on holds when new.state = 'open' begin
      ${reservation((column) => `new.${column} - old.${column}`, 'new')}
    end`,
    `create trigger holds_unreserved after update of state on holds when ${HOLD_ENDS} begin
      ${reservation((column) => `-old.${column}`, 'old')}
    end`,
  ];
}

function sqliteChange(row: 'new' | 'old', sign: '+' | '-', { adds, account }: Counted): string {
  const changes = Object.entries(adds).map(([column, add]) => `${column} = ${column} ${sign} (${add(row)})`);
  return `update account_storage set ${changes.join(', ')} where account_id = ${account(row)};`;
}

/** Insertions and deletions in one go however many rows a statement has; the other statements have one row each. */
function postgresTriggers(): string[] {
  return [
    ...COUNTED.flatMap((counted) => {
      const { table, account, text } = counted;
      const triggers = [
        ...postgresStatementTrigger(counted, 'counted', 'insert', 'new', '+'),
        ...postgresStatementTrigger(counted, 'uncounted', 'delete', 'old', '-'),
      ];
      if (text === undefined) return triggers;
      const { name, countedIn } = text;
      return [
        ...triggers,
        ...postgresRowTrigger(
          `${table}_recounted`,
          `after update of ${name} on ${table}`,
          `${lengthOf('new', name)} <> ${lengthOf('old', name)}`,
          `update account_storage set ${countedIn} = ${countedIn} + ${lengthOf('new', name)} - ${lengthOf('old', name)}
          where account_id = ${account('new')};`,
        ),
      ];
    }),
    ...postgresRowTrigger(
      'accounts_counted',
      'after insert on accounts',
      'true',
      'insert into account_storage (account_id) values (new.id);',
    ),
    ...postgresRowTrigger(
      'chatbots_before_delete',
      'before delete on chatbots',
      'true',
      'delete from chatbot_versions where chatbot_id = old.id;',
      'old',
    ),
    ...postgresRowTrigger(
      'holds_reserved',
      'after update of reserved_bytes on holds',
      `new.state = 'open'`,
      reservation((column) => `new.${column} - old.${column}`, 'new'),
    ),
    ...postgresRowTrigger(
      'holds_unreserved',
      'after update of state on holds',
      HOLD_ENDS,
      reservation((column) => `-old.${column}`, 'old'),
    ),
  ];
}

function postgresStatementTrigger(
  { table, adds, account }: Counted,
  name: string,
  event: 'insert' | 'delete',
  rows: 'new' | 'old',
  sign: '+' | '-',
): string[] {
  const columns = Object.keys(adds);
  const sums = Object.entries(adds).map(([column, add]) => `sum(${add('r')}) as ${column}`);
  return [
    `create function ${table}_${name}() returns trigger language plpgsql as $$ begin
      update account_storage as s
      set ${columns.map((column) => `${column} = s.${column} ${sign} changed.${column}`).join(', ')}
      from (select ${account('r')} as account_id, ${sums.join(', ')} from changed_rows as r group by 1) as changed
      where s.account_id = changed.account_id;
      return null;
    end $$`,
    `create trigger ${table}_${name} after ${event} on ${table} referencing ${rows} table as changed_rows
      for each statement execute function ${table}_${name}()`,
  ];
}

function postgresRowTrigger(
  name: string,
  when: string,
  condition: string,
  work: string,
  gives = 'null',
): string[] {
  return [
    `create function ${name}() returns trigger language plpgsql as $$ begin ${work} return ${gives}; end $$`,
    `create trigger ${name} ${when} for each row when (${condition}) execute function ${name}()`,
  ];
}

const HOLD_ENDS = `old.state = 'open' and new.state <> 'open' and old.reserved_bytes > 0`;

function reservation(changeOf: (column: string) => string, row: 'new' | 'old'): string {
  const changes = RESERVED.map((column) => `${column} = ${column} + (${changeOf(column)})`);
  return `update account_storage set ${changes.join(', ')} where account_id = ${row}.account_id;`;
}

function lengthOf(row: 'new' | 'old', column: string): string {
  return `coalesce(octet_length(${row}.${column}), 0)`;
}
