import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Clock } from '../common/clock/clock.js';
import type { Price } from '../common/money/price.js';
import { AppConfig } from '../config/app-config.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { GroupCommit } from '../persistence/group-commit.js';
import type { Tables } from '../persistence/tables.js';
import type { Bill } from '../surfaces/usage.js';
import { BalanceRepository } from './balance.repository.js';
import { budgetPlaceOf, budgetPlacesOf, type BudgetTally } from './budget-tally.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldLostError } from './billing.errors.js';
import { HoldRepository, type Hold, type HoldEvent } from './hold.repository.js';
import { moveHold, type HoldMove } from './hold-states.js';
import { LedgerRepository, type NewLedgerEntry } from './ledger.repository.js';
import { MoneyListeners, type ChargedRequest } from './money-listeners.js';
import { affordableUsage, partOf, priceUsage } from './pricing.js';
import type { UsageSource } from './reported-usage.js';
import { UsageRepository, type UsageRecord } from './usage.repository.js';

/** How a request ended, as far as money is concerned. Prices of each: docs/billing.md. */
export type SettlementOutcome =
  | 'completed'
  | 'cut_at_limit'
  | 'client_left'
  | 'upstream_failed'
  | 'drained'
  | 'process_died'
  | 'settled_late';

/** What a finished request used, with everything that its row names. */
export interface Settlement extends Omit<
  UsageRecord,
  | 'promptTokens'
  | 'cachedPromptTokens'
  | 'completionTokens'
  | 'reasoningTokens'
  | 'priceVersion'
  | 'costNanoUsd'
  | 'creditHundredths'
> {
  readonly outcome: SettlementOutcome;
  readonly usage: Usage;
  readonly usageSource: UsageSource;
  readonly price: Price;
  /** `settle` charges the usage, `release` and `expire` charge nothing. */
  readonly move: HoldMove;
  /** Written in the same transaction, after the charge: durable exactly if that is. Idempotent, like all of it. */
  readonly alongside?: ((trx: Transaction<Tables>, settled: Settled) => Promise<void>) | undefined;
}

/** What was charged. */
export interface Settled {
  readonly usage: Usage;
  readonly bill: Bill;
  /** True when the account could not pay for all: `usage` and `bill` are the part that it could. */
  readonly short: boolean;
}

interface PendingSettlement extends Settlement {
  readonly closedAtMs: number;
}

type Outcome = { readonly kind: 'settled'; readonly settled: Settled } | { readonly kind: 'lost' };

/** Charges true usage against holds, in groups, durably, at most once a request. */
@Injectable()
export class SettlementService {
  constructor(
    private readonly groupCommit: GroupCommit,
    private readonly balances: BalanceRepository,
    private readonly budgets: BudgetRepository,
    private readonly holds: HoldRepository,
    private readonly ledger: LedgerRepository,
    private readonly usage: UsageRepository,
    private readonly listeners: MoneyListeners,
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {}

  /**
   * Charges the real usage of a finished request against its hold and frees the rest. Resolves when that is durable:
   * only then may the answer end. What the hold does not cover is taken from what is available; where that is not
   * there either, usage is cut to what can be paid (`short`).
   *
   * @throws HoldLostError when somebody else has resolved the hold: nothing was charged by this call
   * @throws DomainError `storage_unavailable` when it could not be made durable before the deadline
   */
  async settle(settlement: Settlement): Promise<Settled> {
    const outcome = await this.groupCommit.submit(
      this.#settleMany,
      { ...settlement, closedAtMs: this.clock.nowMs() },
      { lock: this.balances.lockFirst, key: settlement.accountId },
    );
    if (outcome.kind === 'lost') throw new HoldLostError();
    return outcome.settled;
  }

  readonly #settleMany = async (
    trx: Transaction<Tables>,
    settlements: readonly PendingSettlement[],
  ): Promise<Outcome[]> => {
    // Accounts before holds, as in `HoldService`.
    const balances = await this.balances.lock(trx, [
      ...new Set(settlements.map(({ accountId }) => accountId)),
    ]);
    const holds = await this.holds.lock(
      trx,
      settlements.map(({ requestId }) => requestId),
    );
    const budgets = await this.budgets.tally(trx, budgetPlacesOf([...holds.values()]));
    const batch = new SettlementBatch(this.config.money.creditNanoUsd, balances, budgets);
    const outcomes: Outcome[] = [];
    const taken = new Map<string, { readonly by: SettlementOutcome; readonly settled: Settled }>();
    for (const settlement of settlements) {
      const hold = holds.get(settlement.requestId);
      const before = taken.get(settlement.requestId);
      if (before !== undefined) {
        // Twice in one batch: as the rows were read it is open still.
        const { settled, by } = before;
        outcomes.push(by === settlement.outcome ? { kind: 'settled', settled } : { kind: 'lost' });
      } else if (hold !== undefined && moveHold(hold.state, settlement.move) !== undefined) {
        const settled = batch.take(settlement, hold);
        await settlement.alongside?.(trx, settled);
        taken.set(settlement.requestId, { by: settlement.outcome, settled });
        outcomes.push({ kind: 'settled', settled });
      } else {
        outcomes.push(await this.#earlier(trx, settlement));
      }
    }
    await this.#write(trx, batch);
    return outcomes;
  };

  /** A second run after a lost acknowledgement finds the row of the first; anything else is somebody else's doing. */
  async #earlier(trx: Transaction<Tables>, settlement: PendingSettlement): Promise<Outcome> {
    const row = await this.usage.findByRequestId(settlement.accountId, settlement.requestId, trx);
    if (row === undefined || row.outcome !== settlement.outcome) return { kind: 'lost' };
    const { usage } = settlement;
    const short = row.promptTokens + row.completionTokens < usage.total_tokens;
    return {
      kind: 'settled',
      settled: {
        usage: short ? partOf(usage, row.promptTokens, row.completionTokens) : usage,
        bill: { model: row.model, costNanoUsd: row.costNanoUsd, creditHundredths: row.creditHundredths },
        short,
      },
    };
  }

  async #write(trx: Transaction<Tables>, batch: SettlementBatch): Promise<void> {
    await this.balances.change(trx, batch.balanceChanges());
    await this.budgets.save(trx, batch.budgets);
    for (const { requestId, amountHundredths } of batch.extended) {
      await this.holds.extend(trx, requestId, amountHundredths);
    }
    for (const [state, requestIds] of batch.closedByState) await this.holds.close(trx, requestIds, state);
    if (batch.events.length > 0) await this.holds.addEvents(trx, batch.events);
    if (batch.entries.length > 0) await this.ledger.add(trx, batch.entries);
    if (batch.records.length > 0) await this.usage.insertMany(trx, batch.records);
    if (batch.charged.length > 0) await this.listeners.charged(trx, batch.charged);
  }
}

/** Works out, in memory and in order, what one transaction writes. */
class SettlementBatch {
  readonly entries: NewLedgerEntry[] = [];
  readonly records: UsageRecord[] = [];
  readonly events: HoldEvent[] = [];
  readonly charged: ChargedRequest[] = [];
  readonly extended: { requestId: string; amountHundredths: bigint }[] = [];
  readonly closedByState = new Map<'settled' | 'released' | 'expired', string[]>();
  private readonly changes = new Map<string, { balanceHundredths: bigint; heldHundredths: bigint }>();

  constructor(
    private readonly creditNanoUsd: bigint,
    private readonly balances: ReadonlyMap<string, { balanceHundredths: bigint; heldHundredths: bigint }>,
    readonly budgets: BudgetTally,
  ) {}

  take(settlement: PendingSettlement, hold: Hold): Settled {
    const { closedAtMs, move, requestId, accountId } = settlement;
    const charged = move === 'settle' ? this.charge(settlement, hold) : this.nothing(settlement);
    const captured = charged.bill.creditHundredths;

    const state = moveHold(hold.state, move);
    if (state === undefined || state === 'open') throw new Error(`hold ${requestId} cannot ${move}`);
    const closed = this.closedByState.get(state);
    if (closed === undefined) this.closedByState.set(state, [requestId]);
    else closed.push(requestId);
    if (captured > hold.amountHundredths) {
      this.extended.push({ requestId, amountHundredths: captured });
      this.events.push({ requestId, event: 'extended', amountHundredths: captured, atMs: closedAtMs });
    }
    this.events.push({
      requestId,
      event: state,
      amountHundredths: state === 'settled' ? captured : hold.amountHundredths,
      atMs: closedAtMs,
    });
    const change = this.changeOf(accountId);
    change.balanceHundredths -= captured;
    change.heldHundredths -= hold.amountHundredths;
    const place = budgetPlaceOf(hold);
    if (place !== undefined) this.budgets.settle(place, hold.amountHundredths, captured);
    if (state === 'settled') {
      this.entries.push({
        accountId,
        keyId: settlement.keyId,
        type: 'settlement',
        amountHundredths: -captured,
        requestId,
        idempotencyKey: undefined,
        reason: settlement.context?.summary_for && `summary for ${settlement.context.summary_for}`,
        priceVersion: settlement.price.version,
        usageSource: settlement.usageSource,
        createdAtMs: closedAtMs,
      });
    }
    const record = recordOf(settlement, charged);
    this.records.push(record);
    if (state === 'settled') {
      const afterHundredths =
        (this.balances.get(accountId)?.balanceHundredths ?? 0n) + change.balanceHundredths;
      this.charged.push({
        accountId,
        beforeHundredths: afterHundredths + captured,
        afterHundredths,
        atMs: closedAtMs,
        record,
      });
    }
    return charged;
  }

  balanceChanges() {
    return [...this.changes].map(([accountId, change]) => ({ accountId, ...change }));
  }

  private charge({ usage, price, accountId, model }: PendingSettlement, hold: Hold): Settled {
    const bill = { model, ...priceUsage(usage, price, this.creditNanoUsd) };
    const payable = hold.amountHundredths + this.availableTo(hold, accountId);
    if (bill.creditHundredths <= payable) return { usage, bill, short: false };
    const paid = affordableUsage(usage, price, this.creditNanoUsd, payable);
    return { usage: paid, bill: { model, ...priceUsage(paid, price, this.creditNanoUsd) }, short: true };
  }

  private nothing({ usage, model }: PendingSettlement): Settled {
    return { usage, bill: { model, costNanoUsd: 0n, creditHundredths: 0n }, short: false };
  }

  /** What a hold may take beyond its amount: what both the account and the key's budget have left. */
  private availableTo(hold: Hold, accountId: string): bigint {
    const credit = this.availableOf(accountId);
    const place = budgetPlaceOf(hold);
    if (place === undefined) return credit;
    const budget = this.budgets.availableOf(place);
    return budget < credit ? budget : credit;
  }

  /** Balance less all holds, after what this batch has done so far. */
  private availableOf(accountId: string): bigint {
    const balance = this.balances.get(accountId);
    if (balance === undefined) return 0n;
    const change = this.changeOf(accountId);
    return (
      balance.balanceHundredths + change.balanceHundredths - (balance.heldHundredths + change.heldHundredths)
    );
  }

  private changeOf(accountId: string): { balanceHundredths: bigint; heldHundredths: bigint } {
    let change = this.changes.get(accountId);
    if (change === undefined) {
      change = { balanceHundredths: 0n, heldHundredths: 0n };
      this.changes.set(accountId, change);
    }
    return change;
  }
}

function recordOf(settlement: PendingSettlement, { usage, bill }: Settled): UsageRecord {
  const { usage: _used, price, move: _move, closedAtMs: _at, alongside: _also, ...facts } = settlement;
  return {
    ...facts,
    promptTokens: usage.prompt_tokens,
    cachedPromptTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage.completion_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    priceVersion: price.version,
    costNanoUsd: bill.costNanoUsd,
    creditHundredths: bill.creditHundredths,
  };
}
