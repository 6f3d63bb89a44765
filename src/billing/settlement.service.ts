import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Clock } from '../common/clock/clock.js';
import type { Bill } from '../common/money/bill.js';
import type { Price } from '../common/money/price.js';
import { AppConfig } from '../config/app-config.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { GroupCommit } from '../persistence/group-commit.js';
import type { Tables } from '../persistence/tables.js';
import { BalanceRepository } from './balance.repository.js';
import { budgetPlaceOf, budgetPlacesOf, type BudgetTally } from './budget-tally.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldLostError } from './billing.errors.js';
import type { HoldMetadata } from './hold-metadata.js';
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

/** How a request ended: what was known when it was admitted, and what it came to. */
export interface Settlement extends Pick<
  UsageRecord,
  | 'upstream'
  | 'upstreamModel'
  | 'failedAttempts'
  | 'finishReason'
  | 'createdAtMs'
  | 'firstTokenMs'
  | 'durationMs'
> {
  readonly metadata: HoldMetadata;
  readonly outcome: SettlementOutcome;
  readonly usage: Usage;
  readonly usageSource: UsageSource;
  readonly price: Price;
  /** `settle` charges the usage, `release` and `expire` charge nothing. */
  readonly move: HoldMove;
  /** Written in the same transaction, after the charge: durable exactly if that is. Idempotent, like all of it. */
  readonly alongside?: ((trx: Transaction<Tables>, charge: Charge) => Promise<void>) | undefined;
}

/** What was charged. */
export interface Charge {
  readonly usage: Usage;
  readonly bill: Bill;
  /**
   * The part of the output that the account could pay for: 1, unless its credit ran out meanwhile. `usage` and `bill` are
   * those of that part.
   */
  readonly paidFraction: number;
}

interface PendingSettlement extends Settlement {
  readonly closedAtMs: number;
}

type Outcome = { readonly kind: 'settled'; readonly charge: Charge } | { readonly kind: 'lost' };

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
   * there either, usage is cut to what can be paid (`paidFraction`).
   *
   * @throws HoldLostError when somebody else has resolved the hold: nothing was charged by this call
   * @throws DomainError `storage_unavailable` when it could not be made durable before the deadline
   */
  async settle(settlement: Settlement): Promise<Charge> {
    const outcome = await this.groupCommit.submit(
      this.#settleMany,
      { ...settlement, closedAtMs: this.clock.nowMs() },
      { lock: this.balances.lockFirst, key: settlement.metadata.accountId },
    );
    if (outcome.kind === 'lost') throw new HoldLostError();
    return outcome.charge;
  }

  readonly #settleMany = async (
    trx: Transaction<Tables>,
    settlements: readonly PendingSettlement[],
  ): Promise<Outcome[]> => {
    // Accounts before holds, as in `HoldService`.
    const balances = await this.balances.lock(trx, [
      ...new Set(settlements.map(({ metadata }) => metadata.accountId)),
    ]);
    const holds = await this.holds.lock(
      trx,
      settlements.map(({ metadata }) => metadata.requestId),
    );
    const budgets = await this.budgets.tally(trx, budgetPlacesOf([...holds.values()]));
    const batch = new SettlementBatch(this.config.money.creditNanoUsd, balances, budgets);
    const outcomes: Outcome[] = [];
    const taken = new Map<string, { readonly by: SettlementOutcome; readonly charge: Charge }>();
    for (const settlement of settlements) {
      const { requestId } = settlement.metadata;
      const hold = holds.get(requestId);
      const before = taken.get(requestId);
      if (before !== undefined) {
        // Twice in one batch: as the rows were read it is open still.
        const { charge, by } = before;
        outcomes.push(by === settlement.outcome ? { kind: 'settled', charge } : { kind: 'lost' });
      } else if (hold !== undefined && moveHold(hold.state, settlement.move) !== undefined) {
        const charge = batch.take(settlement, hold);
        await settlement.alongside?.(trx, charge);
        taken.set(requestId, { by: settlement.outcome, charge });
        outcomes.push({ kind: 'settled', charge });
      } else {
        outcomes.push(await this.#earlier(trx, settlement));
      }
    }
    await this.#write(trx, batch);
    return outcomes;
  };

  /** A second run after a lost acknowledgement finds the row of the first; anything else is somebody else's doing. */
  async #earlier(trx: Transaction<Tables>, settlement: PendingSettlement): Promise<Outcome> {
    const { accountId, requestId } = settlement.metadata;
    const row = await this.usage.findByRequestId(accountId, requestId, trx);
    if (row === undefined || row.outcome !== settlement.outcome) return { kind: 'lost' };
    const { usage } = settlement;
    const short = row.promptTokens + row.completionTokens < usage.total_tokens;
    const bill = { model: row.model, costNanoUsd: row.costNanoUsd, creditHundredths: row.creditHundredths };
    return {
      kind: 'settled',
      charge: short
        ? partlyPaid(usage, partOf(usage, row.promptTokens, row.completionTokens), bill)
        : { usage, bill, paidFraction: 1 },
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

  take(settlement: PendingSettlement, hold: Hold): Charge {
    const { closedAtMs, move, metadata } = settlement;
    const { requestId, accountId, context } = metadata;
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
        keyId: metadata.keyId,
        type: 'settlement',
        amountHundredths: -captured,
        requestId,
        idempotencyKey: undefined,
        reason: context?.summary_for && `summary for ${context.summary_for}`,
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

  private charge({ usage, price, metadata }: PendingSettlement, hold: Hold): Charge {
    const { accountId, model } = metadata;
    const bill = { model, ...priceUsage(usage, price, this.creditNanoUsd) };
    const payable = hold.amountHundredths + this.availableTo(hold, accountId);
    if (bill.creditHundredths <= payable) return { usage, bill, paidFraction: 1 };
    const paid = affordableUsage(usage, price, this.creditNanoUsd, payable);
    return partlyPaid(usage, paid, { model, ...priceUsage(paid, price, this.creditNanoUsd) });
  }

  private nothing({ usage, metadata }: PendingSettlement): Charge {
    const bill = { model: metadata.model, costNanoUsd: 0n, creditHundredths: 0n };
    return { usage, bill, paidFraction: 1 };
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

/** @param usage altogether; @param paid of it, less */
function partlyPaid(usage: Usage, paid: Usage, bill: Bill): Charge {
  const { completion_tokens: whole } = usage;
  return { usage: paid, bill, paidFraction: whole === 0 ? 1 : paid.completion_tokens / whole };
}

function recordOf(settlement: PendingSettlement, { usage, bill }: Charge): UsageRecord {
  const { price: _reserved, ...facts } = settlement.metadata;
  return {
    ...facts,
    upstream: settlement.upstream,
    upstreamModel: settlement.upstreamModel,
    failedAttempts: settlement.failedAttempts,
    outcome: settlement.outcome,
    finishReason: settlement.finishReason,
    usageSource: settlement.usageSource,
    createdAtMs: settlement.createdAtMs,
    firstTokenMs: settlement.firstTokenMs,
    durationMs: settlement.durationMs,
    promptTokens: usage.prompt_tokens,
    cachedPromptTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage.completion_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    priceVersion: settlement.price.version,
    costNanoUsd: bill.costNanoUsd,
    creditHundredths: bill.creditHundredths,
  };
}
