import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Clock } from '../common/clock/clock.js';
import { budgetWindow, type Budget } from '../common/money/budget.js';
import { GroupCommit, type GroupLock } from '../persistence/group-commit.js';
import type { Tables } from '../persistence/tables.js';
import { BalanceRepository, type Balance } from './balance.repository.js';
import {
  BudgetExceededError,
  ExclusiveUseError,
  HoldLostError,
  InsufficientCreditError,
} from './billing.errors.js';
import { budgetPlaceOf, budgetPlacesOf } from './budget-tally.js';
import { BudgetRepository } from './budget.repository.js';
import { stringifyMetadata, type HoldMetadata } from './hold-metadata.js';
import { HoldRepository, type Hold } from './hold.repository.js';
import type { StorageQuotaError } from '../quotas/quotas.errors.js';
import type { StorageNeed } from '../quotas/storage-limits.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';
import type { StorageState } from '../quotas/storage-state.js';
import { ProcessIdentityService } from '../persistence/process-identity.service.js';

/** Something that one request at a time may use: taken with the hold, free again when the hold is resolved. */
export interface ExclusiveUse {
  /** Within the account. */
  readonly name: string;
  /**
   * Whether it still is as the request found it; asked when nobody else can have it. Only reads. Absent: the request has
   * just thought of the name, so nobody was before it.
   */
  readonly stillAsFound?: ((trx: Transaction<Tables>) => Promise<boolean>) | undefined;
}

/** What a request asks to have set aside. */
export interface HoldRequest {
  readonly metadata: HoldMetadata;
  /** The most that the request can cost, or as much of it as is wanted. Hundredths of a credit. */
  readonly amountHundredths: bigint;
  /** Less than this is not worth starting with: the hold is refused then. At most `amountHundredths`. */
  readonly leastHundredths: bigint;
  /** Of the key; absent: none. Held and spent beside the account's balance. */
  readonly budget?: Budget | undefined;
  readonly exclusive?: ExclusiveUse | undefined;
  /** What the request will store; absent: nothing. */
  readonly storage?: StorageNeed | undefined;
}

/** What a hold is to be raised to. */
export interface ExtensionRequest {
  readonly requestId: string;
  readonly accountId: string;
  /** The whole new amount. */
  readonly wantedHundredths: bigint;
  /** What it cannot do without. */
  readonly neededHundredths: bigint;
}

interface PendingExtension extends ExtensionRequest {
  readonly atMs: number;
}

type Outcome =
  | { readonly kind: 'opened'; readonly amountHundredths: bigint }
  | {
      readonly kind: 'refused';
      readonly lacking: 'credit' | 'budget';
      readonly availableHundredths: bigint;
    }
  | { readonly kind: 'busy' }
  | { readonly kind: 'full'; readonly refusal: StorageQuotaError }
  | { readonly kind: 'lost' };

interface PendingHold
  extends
    Omit<HoldRequest, 'metadata'>,
    Pick<Hold, 'requestId' | 'accountId' | 'keyId' | 'facts' | 'openedAtMs' | 'budgetWindow'> {}

/**
 * A hold that may shrink to what there is takes at most this part of it, so that many such requests side by side do
 * not lock the account out.
 */
const SHARE_OF_AVAILABLE = 8n;

/** Sets credit aside before an upstream is called. Nothing reaches an upstream without a hold. */
@Injectable()
export class HoldService {
  /** Those that wait to be stored, the newest of each request; `undefined`: none do. */
  private notes: Map<string, number> | undefined;

  constructor(
    private readonly groupCommit: GroupCommit,
    private readonly balances: BalanceRepository,
    private readonly budgets: BudgetRepository,
    private readonly holds: HoldRepository,
    private readonly quotas: StorageQuotasService,
    private readonly identity: ProcessIdentityService,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves when the hold is durable.
   *
   * @returns what was set aside: `amountHundredths`, or less but at least `leastHundredths`
   * @throws InsufficientCreditError, BudgetExceededError, HoldLostError, ExclusiveUseError, StorageQuotaError, DomainError
   *   `storage_unavailable`;
   *   CommitUnknownError (the same code): the hold may be there, and must be released when the database is back
   */
  async open({ metadata, ...request }: HoldRequest): Promise<bigint> {
    const openedAtMs = this.clock.nowMs();
    const { requestId, accountId, keyId } = metadata;
    const outcome = await this.groupCommit.submit(
      this.#openMany,
      {
        ...request,
        requestId,
        accountId,
        keyId,
        facts: stringifyMetadata(metadata),
        openedAtMs,
        budgetWindow: request.budget && budgetWindow(request.budget.period, openedAtMs),
      },
      this.#lockOf(accountId),
    );
    if (outcome.kind === 'opened') return outcome.amountHundredths;
    if (outcome.kind === 'lost') throw new HoldLostError();
    if (outcome.kind === 'busy') throw new ExclusiveUseError();
    if (outcome.kind === 'full') throw outcome.refusal;
    const { lacking, availableHundredths } = outcome;
    throw lacking === 'budget'
      ? new BudgetExceededError(availableHundredths, request.leastHundredths)
      : new InsufficientCreditError(availableHundredths, request.leastHundredths);
  }

  /**
   * Raises a hold that is still open, by no more than what it needs, an eighth of itself or an eighth of what is
   * available, whichever is most: it may ask again.
   *
   * @returns the amount held now; the old one where nothing more is available or the hold is resolved
   */
  extend(request: ExtensionRequest): Promise<bigint> {
    return this.groupCommit.submit(
      this.#extendMany,
      { ...request, atMs: this.clock.nowMs() },
      this.#lockOf(request.accountId),
    );
  }

  /** Ends the exclusive use of a hold that stays open. */
  async letGo(requestId: string): Promise<void> {
    await this.groupCommit.submit(this.#letGoMany, requestId);
  }

  readonly #letGoMany = async (
    trx: Transaction<Tables>,
    requestIds: readonly string[],
  ): Promise<undefined[]> => {
    await this.holds.letGo(trx, requestIds);
    return requestIds.map(() => undefined);
  };

  /**
   * Stores how much output a client has been sent, without waiting; a lost note costs a second's worth. All that wait
   * are one item of the queue and few statements: thousands of streams do not keep a hold waiting.
   */
  noteProgress(requestId: string, relayedTokens: number): void {
    const notes = (this.notes ??= this.submitNotes());
    notes.set(requestId, relayedTokens);
  }

  /** Filled until they are written. */
  private submitNotes(): Map<string, number> {
    const notes = new Map<string, number>();
    this.groupCommit.submit(this.#writeNotes, notes).catch(() => this.closeNotes(notes));
    return notes;
  }

  private closeNotes(notes: ReadonlyMap<string, number>): void {
    if (this.notes === notes) this.notes = undefined;
  }

  readonly #writeNotes = async (
    trx: Transaction<Tables>,
    items: readonly ReadonlyMap<string, number>[],
  ): Promise<undefined[]> => {
    for (const notes of items) {
      this.closeNotes(notes);
      await this.holds.setProgress(trx, notes);
    }
    return items.map(() => undefined);
  };

  readonly #extendMany = async (
    trx: Transaction<Tables>,
    extensions: readonly PendingExtension[],
  ): Promise<bigint[]> => {
    // Accounts before holds, everywhere: two processes never wait for each other in a circle.
    await this.balances.lock(trx, [...new Set(extensions.map(({ accountId }) => accountId))]);
    const holds = await this.holds.lock(
      trx,
      extensions.map(({ requestId }) => requestId),
    );
    const budgets = await this.budgets.tally(trx, budgetPlacesOf([...holds.values()]));
    const amounts: bigint[] = [];
    for (const { requestId, accountId, wantedHundredths, neededHundredths, atMs } of extensions) {
      const hold = holds.get(requestId);
      if (hold === undefined || hold.state !== 'open' || hold.amountHundredths >= wantedHundredths) {
        amounts.push(hold?.amountHundredths ?? 0n);
        continue;
      }
      const balance = (await this.balances.lock(trx, [accountId])).get(accountId);
      const place = budgetPlaceOf(hold);
      const held = hold.amountHundredths;
      const there = least(available(balance), ...(place === undefined ? [] : [budgets.availableOf(place)]));
      const step = most(neededHundredths - held, held / SHARE_OF_AVAILABLE, there / SHARE_OF_AVAILABLE);
      const more = least(wantedHundredths - held, there, most(step, 1n));
      const amountHundredths = more > 0n ? held + more : held;
      if (more > 0n) {
        await this.balances.change(trx, [{ accountId, balanceHundredths: 0n, heldHundredths: more }]);
        if (place !== undefined) budgets.hold(place, more);
        await this.holds.extend(trx, requestId, amountHundredths);
        holds.set(requestId, { ...hold, amountHundredths });
        await this.holds.addEvents(trx, [{ requestId, event: 'extended', amountHundredths, atMs }]);
      }
      amounts.push(amountHundredths);
    }
    await this.budgets.save(trx, budgets);
    return amounts;
  };

  readonly #openMany = async (
    trx: Transaction<Tables>,
    requests: readonly PendingHold[],
  ): Promise<Outcome[]> => {
    const balances = await this.balances.lock(trx, [...new Set(requests.map(({ accountId }) => accountId))]);
    // After a lost acknowledgement the hold is there already; its credit must not be set aside twice. Looked for with
    // the account locked: the first commit may be under way still, and only that lock waits for it.
    const existing = await this.holds.lock(
      trx,
      requests.map(({ requestId }) => requestId),
    );
    const budgets = await this.budgets.tally(trx, budgetPlacesOf(requests));
    const taken = await this.#namesTaken(trx, requests, existing);
    const storage = await this.#storageOf(trx, requests);
    const heldNow = new Map<string, bigint>();
    const opened: Hold[] = [];
    const reserving: PendingHold[] = [];

    const outcomes = requests.map((request): Outcome => {
      const known = existing.get(request.requestId);
      if (known?.state === 'open') return { kind: 'opened', amountHundredths: known.amountHundredths };
      // Taken for dead meanwhile, and swept.
      if (known !== undefined) return { kind: 'lost' };
      const name = request.exclusive && nameOf(request.accountId, request.exclusive);
      if (name !== undefined && taken.has(name)) return { kind: 'busy' };
      const already = heldNow.get(request.accountId) ?? 0n;
      const credit = available(balances.get(request.accountId)) - already;
      const limit = request.budget?.limitHundredths;
      const place = budgetPlaceOf(request);
      const left = place === undefined ? credit : least(credit, budgets.availableOf(place, limit));
      const amount = affordable(request, left);
      if (amount === undefined) {
        const lacking = request.leastHundredths > credit ? 'credit' : 'budget';
        return { kind: 'refused', lacking, availableHundredths: left };
      }
      const refusal = request.storage && storage.get(request.accountId)?.admit(request.storage);
      if (refusal !== undefined) return { kind: 'full', refusal };
      if (request.storage !== undefined) reserving.push(request);
      heldNow.set(request.accountId, already + amount);
      if (place !== undefined) budgets.hold(place, amount, limit);
      const hold = this.#toHold(request, amount);
      existing.set(request.requestId, hold);
      opened.push(hold);
      if (name !== undefined) taken.add(name);
      return { kind: 'opened', amountHundredths: amount };
    });

    if (opened.length > 0) {
      await this.balances.change(
        trx,
        [...heldNow].map(([accountId, held]) => ({ accountId, balanceHundredths: 0n, heldHundredths: held })),
      );
      await this.budgets.save(trx, budgets);
      await this.holds.insertMany(trx, opened);
      for (const { requestId, storage: need } of reserving) {
        if (need !== undefined) await this.quotas.reserve(trx, requestId, need);
      }
      await this.holds.addEvents(
        trx,
        opened.map(({ requestId, amountHundredths, openedAtMs }) => ({
          requestId,
          event: 'opened',
          amountHundredths,
          atMs: openedAtMs,
        })),
      );
    }
    return outcomes;
  };

  /** What those accounts store that requests want to store something for. */
  async #storageOf(
    trx: Transaction<Tables>,
    requests: readonly PendingHold[],
  ): Promise<ReadonlyMap<string, StorageState>> {
    const states = new Map<string, StorageState>();
    for (const { accountId, storage } of requests) {
      if (storage === undefined || states.has(accountId)) continue;
      const state = await this.quotas.stateOf(accountId, trx);
      if (state !== undefined) states.set(accountId, state);
    }
    return states;
  }

  /** Names that cannot be taken: somebody has them, or what they stand for is no longer as the request found it. */
  async #namesTaken(
    trx: Transaction<Tables>,
    requests: readonly PendingHold[],
    existing: ReadonlyMap<string, Hold>,
  ): Promise<Set<string>> {
    const taken = new Set<string>();
    for (const { requestId, accountId, exclusive } of requests) {
      if (exclusive?.stillAsFound === undefined || existing.has(requestId)) continue;
      const free =
        !(await this.holds.isNameTaken(trx, accountId, exclusive.name)) &&
        (await exclusive.stillAsFound(trx));
      if (!free) taken.add(nameOf(accountId, exclusive));
    }
    return taken;
  }

  #lockOf(accountId: string): GroupLock {
    return { lock: this.balances.lockFirst, key: accountId };
  }

  #toHold(request: PendingHold, amountHundredths: bigint): Hold {
    return {
      requestId: request.requestId,
      accountId: request.accountId,
      keyId: request.keyId,
      amountHundredths,
      state: 'open',
      owner: this.identity.id,
      relayedTokens: 0,
      facts: request.facts,
      openedAtMs: request.openedAtMs,
      budgetWindow: request.budgetWindow,
      exclusiveName: request.exclusive?.name,
    };
  }
}

function nameOf(accountId: string, { name }: ExclusiveUse): string {
  return `${accountId} ${name}`;
}

function available(balance: Balance | undefined): bigint {
  return balance === undefined ? 0n : balance.balanceHundredths - balance.heldHundredths;
}

function most(first: bigint, ...others: readonly bigint[]): bigint {
  return others.reduce((greatest, other) => (other > greatest ? other : greatest), first);
}

function least(first: bigint, ...others: readonly bigint[]): bigint {
  return others.reduce((smallest, other) => (other < smallest ? other : smallest), first);
}

/** The whole amount where it must be whole or is a small part of what there is; else that part, if it is enough. */
function affordable(
  { amountHundredths, leastHundredths }: Pick<HoldRequest, 'amountHundredths' | 'leastHundredths'>,
  availableHundredths: bigint,
): bigint | undefined {
  if (leastHundredths > availableHundredths) return undefined;
  const share = availableHundredths / SHARE_OF_AVAILABLE;
  if (amountHundredths <= share || amountHundredths === leastHundredths) return amountHundredths;
  return share > leastHundredths ? share : leastHundredths;
}
