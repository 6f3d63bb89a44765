import { Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { HoldRepository, type Hold, type HoldEvent } from './hold.repository.js';
import { LedgerPagesRepository } from './ledger-pages.repository.js';
import type { LedgerEntry } from './ledger.repository.js';
import { PriceVersionRepository, type PriceVersion } from './price-version.repository.js';
import { UsageRepository, type UsageRecord } from './usage.repository.js';
import { parseMetadata, type HoldMetadata } from './hold-metadata.js';

/** All rows of one request. */
export interface RequestRecord {
  readonly hold: Hold;
  readonly facts: HoldMetadata;
  /** In their order. */
  readonly events: readonly HoldEvent[];
  /** `undefined`: still under way. */
  readonly usage: UsageRecord | undefined;
  readonly entries: readonly LedgerEntry[];
  /** That it was charged by, or may be; `undefined`: never stored under its version, and `facts` has its numbers. */
  readonly price: PriceVersion | undefined;
}

/** Entries of one request: its settlement, if any, and what was given back of it. */
const ALL_ENTRIES = { limit: 100, after: undefined };

@Injectable()
export class RequestRecordRepository {
  constructor(
    private readonly database: Database,
    private readonly holds: HoldRepository,
    private readonly usage: UsageRepository,
    private readonly ledger: LedgerPagesRepository,
    private readonly prices: PriceVersionRepository,
  ) {}

  /**
   * @param id ours, or the caller's own `X-Request-Id`: the newest finished request with it
   * @param accountId only requests of this account; `undefined`: of any
   */
  async find(id: string, accountId: string | undefined): Promise<RequestRecord | undefined> {
    const hold = (await this.holds.find(id)) ?? (await this.findByClientRequestId(id, accountId));
    if (hold === undefined || (accountId !== undefined && hold.accountId !== accountId)) return undefined;
    const facts = parseMetadata(hold);
    const { requestId } = hold;
    const usage = await this.usage.findByRequestId(hold.accountId, requestId);
    return {
      hold,
      facts,
      events: await this.listEvents(requestId),
      usage,
      entries: (await this.ledger.list({ accountId: hold.accountId, requestId }, ALL_ENTRIES)).rows,
      price: await this.prices.find(usage?.priceVersion ?? facts.price.version),
    };
  }

  private async findByClientRequestId(id: string, accountId: string | undefined): Promise<Hold | undefined> {
    const row = await this.database.kysely
      .selectFrom('usage_records')
      .select('request_id')
      .where('client_request_id', '=', id)
      .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
      .orderBy('created_at_ms', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row && this.holds.find(row.request_id);
  }

  private async listEvents(requestId: string): Promise<HoldEvent[]> {
    const rows = await this.database.kysely
      .selectFrom('hold_events')
      .select(['event', 'amount_hundredths', 'at_ms'])
      .where('request_id', '=', requestId)
      .execute();
    return rows
      .map((row) => ({
        requestId,
        event: row.event,
        amountHundredths: row.amount_hundredths,
        atMs: Number(row.at_ms),
      }))
      .toSorted((a, b) => a.atMs - b.atMs || ORDER[a.event] - ORDER[b.event] || smaller(a, b));
  }
}

/** Of events of one millisecond. */
const ORDER: Readonly<Record<HoldEvent['event'], number>> = {
  opened: 0,
  extended: 1,
  settled: 2,
  released: 2,
  expired: 2,
};

function smaller(a: HoldEvent, b: HoldEvent): number {
  return a.amountHundredths < b.amountHundredths ? -1 : 1;
}
