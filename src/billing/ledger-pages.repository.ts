import { Injectable } from '@nestjs/common';
import { expressionBuilder } from 'kysely';
import { toPage, type Page, type PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { literal } from '../persistence/literal.js';
import { comesAfter } from '../persistence/comes-after.js';
import type { Tables } from '../persistence/tables.js';
import type { LedgerEntry } from './ledger.repository.js';

export interface LedgerFilter {
  readonly accountId?: string | undefined;
  /** Only with its account: entries are indexed by account. */
  readonly keyId?: string | undefined;
  readonly requestId?: string | undefined;
}

/** The ledger as people read it. */
@Injectable()
export class LedgerPagesRepository {
  constructor(private readonly database: Database) {}

  /** Newest first. */
  async list(filter: LedgerFilter, { limit, after }: PageRequest): Promise<Page<LedgerEntry>> {
    const { accountId, keyId, requestId } = filter;
    // By key all entries of its account may have to be looked at.
    const rows = await (keyId === undefined ? this.database.kysely : this.database.reports)
      .selectFrom('ledger_entries')
      .selectAll()
      .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
      .$if(keyId !== undefined, (query) => query.where('key_id', '=', keyId ?? ''))
      .$if(requestId !== undefined, (query) => query.where('id', 'in', ofRequest(requestId ?? '')))
      .where(comesAfter(after))
      // Ids begin with the time: both orders are one, and each has its index.
      .$if(accountId !== undefined, (query) => query.orderBy('created_at_ms', 'desc'))
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(
      rows.map((row) => ({
        id: row.id,
        accountId: row.account_id,
        keyId: row.key_id ?? undefined,
        type: row.type,
        amountHundredths: row.amount_hundredths,
        requestId: row.request_id ?? undefined,
        idempotencyKey: row.idempotency_key ?? undefined,
        reason: row.reason ?? undefined,
        priceVersion: row.price_version ?? undefined,
        usageSource: row.usage_source ?? undefined,
        createdAtMs: Number(row.created_at_ms),
      })),
      limit,
    );
  }

  /** What the account's requests have cost so far, and its balance at that moment; `undefined`: no such account. */
  async sums(accountId: string): Promise<LedgerSums | undefined> {
    const { kysely } = this.database;
    // All that came in less what is left: few rows, where the settlements may be millions.
    const row = await kysely
      .selectFrom('account_balances')
      .select(['balance_hundredths', 'held_hundredths'])
      .select((select) =>
        select
          .selectFrom('ledger_entries')
          .select((entry) => entry.fn.sum<bigint>('amount_hundredths').as('sum'))
          .whereRef('ledger_entries.account_id', '=', 'account_balances.account_id')
          .where('type', '<>', literal('settlement'))
          // What was given back of a settlement makes it less.
          .where('request_id', 'is', null)
          .as('posted_hundredths'),
      )
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    return (
      row && {
        balanceHundredths: row.balance_hundredths,
        heldHundredths: row.held_hundredths,
        usedHundredths: BigInt(row.posted_hundredths ?? 0n) - row.balance_hundredths,
      }
    );
  }
}

/** Its settlement, and what was given back of it; each has an index of its own. */
function ofRequest(requestId: string) {
  const entries = (type: 'settlement' | 'correction') =>
    expressionBuilder<Tables>()
      .selectFrom('ledger_entries')
      .select('id')
      .where('request_id', '=', requestId)
      .where('type', '=', literal(type));
  return entries('settlement').unionAll(entries('correction'));
}

export interface LedgerSums {
  readonly balanceHundredths: bigint;
  readonly heldHundredths: bigint;
  /** Σ settlements less what was given back of them, positive. */
  readonly usedHundredths: bigint;
}
