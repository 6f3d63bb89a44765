import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { newEntryId } from '../common/ids/ids.js';
import { Database } from '../persistence/database.js';
import { literal } from '../persistence/literal.js';
import { IdempotentInsert } from '../persistence/idempotent-insert.js';
import type { Tables } from '../persistence/tables.js';

export type LedgerEntryType = 'grant' | 'purchase' | 'settlement' | 'correction';

/** One immutable change of a balance. */
export interface LedgerEntry {
  readonly id: string;
  readonly accountId: string;
  readonly keyId: string | undefined;
  readonly type: LedgerEntryType;
  /** Signed hundredths of a credit. */
  readonly amountHundredths: bigint;
  readonly requestId: string | undefined;
  /** Of the operator's request that made it; unique within the account. */
  readonly idempotencyKey: string | undefined;
  readonly reason: string | undefined;
  readonly priceVersion: string | undefined;
  readonly usageSource: string | undefined;
  readonly createdAtMs: number;
}

export type NewLedgerEntry = Omit<LedgerEntry, 'id'>;

/** Entries are added and read, never changed. */
@Injectable()
export class LedgerRepository {
  readonly #insert = new IdempotentInsert(
    'ledger_entries',
    [
      'id',
      'account_id',
      'key_id',
      'type',
      'amount_hundredths',
      'request_id',
      'idempotency_key',
      'reason',
      'price_version',
      'usage_source',
      'created_at_ms',
    ],
    'id',
  );

  constructor(private readonly database: Database) {}

  /** @throws when a request would be settled, or an operator's request posted, a second time: the unique indices */
  async add(trx: Kysely<Tables>, entries: readonly NewLedgerEntry[]): Promise<void> {
    await this.#insert.execute(
      trx,
      entries.map((entry) => ({
        id: newEntryId(entry.createdAtMs),
        account_id: entry.accountId,
        key_id: entry.keyId ?? null,
        type: entry.type,
        amount_hundredths: entry.amountHundredths,
        request_id: entry.requestId ?? null,
        idempotency_key: entry.idempotencyKey ?? null,
        reason: entry.reason ?? null,
        price_version: entry.priceVersion ?? null,
        usage_source: entry.usageSource ?? null,
        created_at_ms: BigInt(entry.createdAtMs),
      })),
    );
  }

  /** What a request was charged, a positive number; `undefined`: nothing yet. */
  async findSettled(accountId: string, requestId: string, db: Kysely<Tables>): Promise<bigint | undefined> {
    const row = await db
      .selectFrom('ledger_entries')
      .select('amount_hundredths')
      .where('account_id', '=', accountId)
      .where('request_id', '=', requestId)
      .where('type', '=', literal('settlement'))
      .executeTakeFirst();
    return row && -row.amount_hundredths;
  }

  async findByIdempotencyKey(
    accountId: string,
    idempotencyKey: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<{ amountHundredths: bigint; type: LedgerEntryType } | undefined> {
    const row = await db
      .selectFrom('ledger_entries')
      .select(['amount_hundredths', 'type'])
      .where('account_id', '=', accountId)
      .where('idempotency_key', '=', idempotencyKey)
      .executeTakeFirst();
    return row && { amountHundredths: row.amount_hundredths, type: row.type };
  }
}
