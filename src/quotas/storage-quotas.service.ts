import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Transaction } from 'kysely';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../persistence/database.js';
import { FixedQuery } from '../persistence/fixed-query.js';
import type { AccountStorageTable, Tables } from '../persistence/tables.js';
import { LIMIT_FIELDS, type StorageLimits, type StorageNeed } from './storage-limits.js';
import { StorageState } from './storage-state.js';

type LimitRow = { readonly [Limit in keyof StorageLimits as (typeof LIMIT_FIELDS)[Limit]]: bigint | null };

type StateRow = Omit<AccountStorageTable, 'account_id'> & LimitRow;

const STATE_COLUMNS = sql.join(
  [
    'stored_bytes',
    'conversations',
    'stored_completions',
    'chatbots',
    'kept_answer_bytes',
    'reserved_bytes',
    'reserved_conversations',
    'reserved_completions',
    ...Object.values(LIMIT_FIELDS),
  ].map((column) => sql.ref(column)),
);

/**
 * How much accounts store and may store. What they do store the database counts itself, with each row, in the
 * transaction that writes it; here it is compared, with the account locked, so that no two writers both find the same
 * room (docs/adr/0020).
 */
@Injectable()
export class StorageQuotasService {
  private readonly state = new FixedQuery<StateRow>(sql`
    select ${STATE_COLUMNS} from account_storage join accounts on accounts.id = account_id where account_id = ${''}`);

  private readonly lockQuery = new FixedQuery(
    sql`select account_id from account_balances where account_id = ${''} for update`,
  );

  private readonly reserveQuery = new FixedQuery(sql`
    update holds set reserved_bytes = ${0n}, reserved_conversations = ${0n}, reserved_completions = ${0n}
    where request_id = ${''}`);

  constructor(
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {}

  /** @returns `undefined`: there is no such account, so nothing of it is limited */
  async stateOf(
    accountId: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<StorageState | undefined> {
    const { rows } = await this.state.run(db, [accountId]);
    const [row] = rows;
    if (row === undefined) return undefined;
    return this.toState(row);
  }

  /** For reading: by account id. */
  async statesOf(accountIds: readonly string[]): Promise<Map<string, StorageState>> {
    if (accountIds.length === 0) return new Map();
    const { rows } = await sql<StateRow & { account_id: string }>`
      select account_id, ${STATE_COLUMNS} from account_storage join accounts on accounts.id = account_id
      where account_id in (${sql.join(accountIds)})`.execute(this.database.kysely);
    return new Map(rows.map((row) => [row.account_id, this.toState(row)]));
  }

  /**
   * Locks the account until the transaction ends, as every hold and charge does first: whoever lets an account grow, or
   * erases what charges may write to, comes by here before it touches other rows. SQLite has one writer and needs none
   * of it.
   */
  async lock(trx: Transaction<Tables>, accountId: string): Promise<void> {
    if (this.database.kind === 'postgres') await this.lockQuery.run(trx, [accountId]);
  }

  /**
   * Does something that lets an account grow, in the caller's transaction and with the account locked. Throwing undoes
   * it.
   * @param work gets what the account stores without it; `undefined`: there is no such account
   * @throws StorageQuotaError when it grew beyond a limit; DomainError `storage_unavailable` when the disk has no room
   */
  async growing<T>(
    trx: Transaction<Tables>,
    accountId: string,
    work: (before: StorageState | undefined) => Promise<T>,
  ): Promise<T> {
    await this.lock(trx, accountId);
    const before = await this.stateOf(accountId, trx);
    const result = await work(before);
    const after = await this.stateOf(accountId, trx);
    if (before === undefined || after === undefined) return result;
    const refusal = after.overgrown(before);
    if (refusal !== undefined) throw refusal;
    const grown = after.stored.storedBytes - before.stored.storedBytes;
    if (grown > 0) this.database.refuseWithoutDisk(grown);
    return result;
  }

  /**
   * Refuses early what would be refused when its hold is opened, before work is done for it.
   * @throws StorageQuotaError
   */
  async refuseFull(accountId: string, need: StorageNeed): Promise<void> {
    const refusal = (await this.stateOf(accountId))?.admit(need);
    if (refusal !== undefined) throw refusal;
  }

  /** Sets room aside for a request that was let in, until its hold is resolved. In the transaction of its hold. */
  async reserve(trx: Transaction<Tables>, requestId: string, need: StorageNeed): Promise<void> {
    const { bytes, conversations, completions } = need;
    if (bytes === 0) return;
    this.database.refuseWithoutDisk(bytes);
    await this.reserveQuery.run(trx, [BigInt(bytes), BigInt(conversations), BigInt(completions), requestId]);
  }

  private toState(row: StateRow): StorageState {
    const overrides = {
      storedBytes: numberOf(row.max_stored_bytes),
      conversations: numberOf(row.max_conversations),
      storedCompletions: numberOf(row.max_stored_completions),
      chatbots: numberOf(row.max_chatbots),
      chatbotVersions: numberOf(row.max_chatbot_versions),
      keptAnswerBytes: numberOf(row.max_kept_answer_bytes),
    };
    const { defaultLimits } = this.config.storage;
    const limits = {
      storedBytes: overrides.storedBytes ?? defaultLimits.storedBytes,
      conversations: overrides.conversations ?? defaultLimits.conversations,
      storedCompletions: overrides.storedCompletions ?? defaultLimits.storedCompletions,
      chatbots: overrides.chatbots ?? defaultLimits.chatbots,
      chatbotVersions: overrides.chatbotVersions ?? defaultLimits.chatbotVersions,
      keptAnswerBytes: overrides.keptAnswerBytes ?? defaultLimits.keptAnswerBytes,
    };
    return new StorageState(
      {
        storedBytes: Number(row.stored_bytes),
        conversations: Number(row.conversations),
        storedCompletions: Number(row.stored_completions),
        chatbots: Number(row.chatbots),
        keptAnswerBytes: Number(row.kept_answer_bytes),
      },
      {
        storedBytes: Number(row.reserved_bytes),
        conversations: Number(row.reserved_conversations),
        storedCompletions: Number(row.reserved_completions),
        chatbots: 0,
        keptAnswerBytes: 0,
      },
      limits,
      overrides,
    );
  }
}

function numberOf(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}
