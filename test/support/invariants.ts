import { sql, type Kysely } from 'kysely';
import { verifyLedger } from '../../src/billing/ledger-verify.js';
import { Database } from '../../src/persistence/database.js';
import { Sealer } from '../../src/persistence/sealer.js';
import { storageRecount } from '../../src/persistence/migrations/0011-storage-quotas.js';
import type { Tables } from '../../src/persistence/tables.js';
import { brokenConversations, type ConversationSight } from './conversation-invariants.js';
import { eventually } from './eventually.js';
import type { Tollgate } from './tollgate.js';

/** What became of a request, as its client saw it. */
export interface Seen {
  /** Ours, from `x-request-id`. */
  readonly requestId: string;
  /**
   * `whole`: a complete JSON body, or a stream with `[DONE]`; `partial`: a stream that was told of a failure or that
   * its client left, after content; `refused`: a status of 400 or more in place of an answer; `cut`: the connection
   * died with the process, so that nobody knows.
   */
  readonly end: 'whole' | 'partial' | 'refused' | 'cut';
  readonly refusal?: Refusal;
  /** What a whole answer's usage costs. */
  readonly creditHundredths?: bigint;
  /** The conversation that remembers a whole answer, as its client knows it, if that has not been erased. */
  readonly conversation?: string | undefined;
}

export interface Refusal {
  readonly status: number;
  readonly code: string | null;
  /** The header. */
  readonly retryAfter: string | null;
}

export interface Sight extends ConversationSight {
  readonly seen?: readonly Seen[];
  /** Processes are at work, or dead ones are not swept yet: holds may be open. */
  readonly working?: boolean;
}

/**
 * Checks invariants I1 to I6 of the fault matrix on a database, as far as rows and what clients saw can show them, and
 * the conversations. Reads only. Empty: all hold.
 */
export async function brokenInvariants(
  db: Kysely<Tables>,
  { seen = [], working = false, ...conversations }: Sight = {},
): Promise<string[]> {
  const ledger = await verifyLedger(db);
  return [
    ...ledger.map(({ invariant, requestId, message }) => `${invariant} ${requestId ?? ''}: ${message}`),
    ...(await holdsNotResolvedOnce(db, working)),
    ...(await recordsWithoutHold(db)),
    ...(await answersNotChargedOnce(db, seen)),
    ...(await brokenConversations(db, conversations)),
    ...(await answersNotRemembered(db, seen)),
    ...(await storageNotAsCounted(db)),
  ];
}

/**
 * The same for a whole application, I9 included: waits until it has nothing open, and says what stays open. I7 is the
 * model test beside the ledger, I8 the log's tests.
 */
export async function brokenInvariantsOf(tollgate: Tollgate, seen: readonly Seen[] = []): Promise<string[]> {
  const { kysely } = tollgate.app.get(Database);
  const nothingOpen = async (): Promise<boolean> =>
    tollgate.openRequests === 0 && (await openHolds(kysely)).length === 0;
  const left = await eventually(nothingOpen).then(
    () => [],
    () => [`I9: ${tollgate.openRequests} requests stay open`],
  );
  return [...left, ...(await brokenInvariants(kysely, { seen, sealer: tollgate.app.get(Sealer) }))];
}

/** Request ids of holds that nobody has resolved. */
export async function openHolds(db: Kysely<Tables>): Promise<string[]> {
  const rows = await db.selectFrom('holds').select('request_id').where('state', '=', 'open').execute();
  return rows.map((row) => row.request_id);
}

/** I3, I4 by the history: opened once, then at most extended, then resolved once and as its state says. */
async function holdsNotResolvedOnce(db: Kysely<Tables>, working: boolean): Promise<string[]> {
  const { rows } = await sql<{
    request_id: string;
    state: string;
    opened: number;
    ends: number;
    same: number;
  }>`
    select h.request_id, h.state,
      cast(sum(case when e.event = 'opened' then 1 else 0 end) as integer) as opened,
      cast(sum(case when e.event in ('settled', 'released', 'expired') then 1 else 0 end) as integer) as ends,
      cast(sum(case when e.event = h.state then 1 else 0 end) as integer) as same
    from holds h left join hold_events e on e.request_id = h.request_id
    group by h.request_id, h.state`.execute(db);
  return rows
    .filter(({ state, opened, ends, same }) =>
      state === 'open'
        ? !working || Number(opened) !== 1 || Number(ends) !== 0
        : Number(opened) !== 1 || Number(ends) !== 1 || Number(same) !== 1,
    )
    .map((row) => `I3 ${row.request_id}: ${row.state}, opened ${row.opened} times, ended ${row.ends} times`);
}

/** I3: each resolved hold has its one usage row, and each usage row its hold. */
async function recordsWithoutHold(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ request_id: string; state: string | null }>`
    select h.request_id, h.state from holds h
    where h.state <> 'open' and not exists (select 1 from usage_records u where u.request_id = h.request_id)
    union all
    select u.request_id, null as state from usage_records u
    where not exists (select 1 from holds h where h.request_id = u.request_id and h.state <> 'open')`.execute(
    db,
  );
  return rows.map(({ request_id, state }) =>
    state === null
      ? `I3 ${request_id}: a usage row of no resolved hold`
      : `I3 ${request_id}: ${state}, no usage row`,
  );
}

/** I5, I6: who got an answer has paid for it once, who got none has not, whatever was posted on the way. */
async function answersNotChargedOnce(db: Kysely<Tables>, seen: readonly Seen[]): Promise<string[]> {
  const rows = await db
    .selectFrom('ledger_entries')
    .select(['request_id', 'type', 'amount_hundredths'])
    .where('request_id', 'is not', null)
    .execute();
  const entries = Map.groupBy(rows, (row) => row.request_id);
  return seen.flatMap(({ requestId, end, creditHundredths }) => {
    const own = entries.get(requestId) ?? [];
    const settlements = own.filter(({ type }) => type === 'settlement').length;
    const charged = own.reduce((sum, row) => sum - row.amount_hundredths, 0n);
    if (end === 'refused') return charged === 0n ? [] : [`I6 ${requestId}: refused, yet charged ${charged}`];
    const least = end === 'cut' ? 0 : 1;
    if (settlements < least || settlements > 1)
      return [`I5 ${requestId}: ${end}, settled ${settlements} times`];
    return creditHundredths === undefined || creditHundredths === charged
      ? []
      : [`I5 ${requestId}: charged ${charged} for an answer of ${creditHundredths}`];
  });
}

/** Who got an answer of a conversation finds it there. */
async function answersNotRemembered(db: Kysely<Tables>, seen: readonly Seen[]): Promise<string[]> {
  const remembered = seen.filter(({ end, conversation }) => end === 'whole' && conversation !== undefined);
  if (remembered.length === 0) return [];
  const rows = await db
    .selectFrom('conversation_messages')
    .innerJoin('conversations', 'conversations.id', 'conversation_messages.conversation_id')
    .select(['request_id', 'client_id'])
    .distinct()
    .execute();
  const stored = new Map(rows.map((row) => [row.request_id, row.client_id]));
  return remembered
    .filter(({ requestId, conversation }) => stored.get(requestId) !== conversation)
    .map(({ requestId, conversation }) => `${requestId}: answered, and not in ${conversation}`);
}

/** What each account stores, as it is kept, is what its rows are when they are counted anew. */
export async function storageNotAsCounted(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<Record<string, unknown>>`
    select kept.account_id as kept_for, counted.* from (${storageRecount}) as counted
    left join account_storage as kept on ${sql.join(
      STORAGE_COLUMNS.map((column) => sql`kept.${sql.ref(column)} = counted.${sql.ref(column)}`),
      sql` and `,
    )}
    where kept.account_id is null`.execute(db);
  return rows.map((row) => {
    const counted = STORAGE_COLUMNS.map((column) => `${column} ${String(row[column])}`);
    return `${String(row['account_id'])} is not counted as ${counted.join(', ')}`;
  });
}

const STORAGE_COLUMNS = [
  'account_id',
  'stored_bytes',
  'conversations',
  'stored_completions',
  'chatbots',
  'kept_answer_bytes',
  'reserved_bytes',
  'reserved_conversations',
  'reserved_completions',
] as const;
