import { deepStrictEqual } from 'node:assert/strict';
import { usageOf } from '../../src/billing/reported-usage.js';
import { DomainError } from '../../src/common/errors/domain-error.js';
import { newRequestId } from '../../src/common/ids/ids.js';
import type { Database } from '../../src/persistence/database.js';
import { GroupCommit, type GroupLock, type GroupWrite } from '../../src/persistence/group-commit.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { createPayer } from './crash-accounts.js';
import { ACCOUNTS, BUDGET, LedgerModel, type ModelHold } from './ledger-model.js';
import type { Operation } from './ledger-operations.js';
import { metadataOf, moneyOn, settlementOf, type Money } from './money.js';

/** Loses acknowledgements on demand: the write commits, nobody hears of it, and it is run and committed again. */
class ForgetfulGroupCommit extends GroupCommit {
  forgetful = false;
  /** Everything submitted so far, also what nobody waits for. */
  all: Promise<unknown> = Promise.resolve();

  constructor(private readonly database: Database) {
    super(database);
  }

  override submit<Item, Result>(
    write: GroupWrite<Item, Result>,
    item: Item,
    lock?: GroupLock,
  ): Promise<Result> {
    // One after the other, as the real one commits.
    const result = this.forgetful
      ? this.all.then(() => this.commitTwice(write, item))
      : super.submit(write, item, lock);
    this.all = Promise.allSettled([this.all, result]);
    return result;
  }

  private async commitTwice<Item, Result>(write: GroupWrite<Item, Result>, item: Item): Promise<Result> {
    const commit = (): Promise<readonly Result[]> =>
      inTransaction(this.database.kysely, (trx) => write(trx, [item]));
    await commit();
    const [result] = await commit();
    return result as Result;
  }
}

const PROMPT_TOKENS = 7;

/** One history on a real database and on the model, side by side. */
export class LedgerHistory {
  private readonly model = new LedgerModel();

  private constructor(
    private readonly groupCommit: ForgetfulGroupCommit,
    private readonly money: Money,
    private readonly payers: readonly { accountId: string; keyId: string }[],
  ) {}

  static async begin(database: Database): Promise<LedgerHistory> {
    const payers: { accountId: string; keyId: string }[] = [];
    for (let i = 0; i < ACCOUNTS; i += 1) payers.push(await createPayer(database, 0n));
    const groupCommit = new ForgetfulGroupCommit(database);
    return new LedgerHistory(groupCommit, moneyOn(database, groupCommit), payers);
  }

  async run(step: Operation): Promise<void> {
    this.groupCommit.forgetful = 'forgetful' in step && step.forgetful;
    await this.apply(step);
    await this.groupCommit.all;
    for (const [i, payer] of this.payers.entries()) {
      const { balance, held } = this.model.accounts[i]!;
      const real = await this.money.balances.find(payer.accountId);
      deepStrictEqual({ i, ...real }, { i, balanceHundredths: balance, heldHundredths: held });
    }
  }

  private async apply(step: Operation): Promise<void> {
    switch (step.kind) {
      case 'post':
        return this.post(step.account, step.amount);
      case 'open':
        return this.open(step);
      case 'extend': {
        const hold = this.hold(step.index);
        if (hold === undefined) return undefined;
        await this.money.holds.extend({
          requestId: hold.requestId,
          accountId: this.payer(hold).accountId,
          wantedHundredths: step.wanted,
          neededHundredths: step.wanted,
        });
        return this.model.extend(hold, step.wanted);
      }
      case 'settle':
        return this.settle(step.many);
      case 'note': {
        const hold = this.hold(step.index);
        if (hold === undefined) return undefined;
        this.money.holds.noteProgress(hold.requestId, step.tokens);
        if (hold.state === 'open') hold.relayed = step.tokens;
        return undefined;
      }
      case 'give back': {
        const hold = this.hold(step.index);
        if (hold === undefined) return undefined;
        await this.money.undelivered.refund(this.payer(hold).accountId, hold.requestId);
        return this.model.giveBack(hold);
      }
      case 'sweep':
        await this.money.sweeper.sweep([this.money.doomedId]);
        // In the order of request ids, as the sweeper does: what one frees another may need.
        for (const hold of this.model.holds.filter(({ doomed }) => doomed).sort(byRequestId)) {
          this.model.settle(hold, PROMPT_TOKENS + hold.relayed, hold.relayed > 0);
        }
    }
    return undefined;
  }

  private async post(at: number, amountHundredths: bigint): Promise<void> {
    if (amountHundredths === 0n) return;
    const posted = await this.money.ledger
      .post({
        accountId: this.payers[at]!.accountId,
        type: amountHundredths > 0n ? 'grant' : 'correction',
        amountHundredths,
        reason: undefined,
        idempotencyKey: undefined,
      })
      .then(
        () => true,
        (error: unknown) => refusal(error),
      );
    deepStrictEqual(posted, this.model.post(at, amountHundredths));
  }

  private async open({ many, doomed }: Extract<Operation, { kind: 'open' }>): Promise<void> {
    const service = doomed ? this.money.doomedHolds : this.money.holds;
    const wanted = many.map((one) => ({
      ...one,
      requestId: newRequestId(Date.now()),
      least: (one.most * BigInt(one.part)) / 4n,
    }));
    const send = ({ account: at, most, requestId, least: atLeast }: (typeof wanted)[number]) =>
      service
        .open({
          metadata: metadataOf({ ...this.payers[at]!, requestId }, PROMPT_TOKENS),
          amountHundredths: most,
          leastHundredths: atLeast,
          budget: at === 0 ? { limitHundredths: BUDGET, period: 'total' } : undefined,
        })
        .catch((error: unknown) => (refusal(error) ? 0n : undefined));
    const held = await this.each(wanted, send);
    const expected = wanted.map((one) =>
      this.model.open({ account: one.account, requestId: one.requestId, doomed }, one.most, one.least),
    );
    deepStrictEqual(held, expected);
  }

  private async settle(many: Extract<Operation, { kind: 'settle' }>['many']): Promise<void> {
    const known = many.flatMap((one) => {
      const hold = this.hold(one.index);
      return hold === undefined ? [] : [{ ...one, hold }];
    });
    await this.each(known, ({ hold, prompt, completion, move }) =>
      this.money.settlements
        .settle(
          settlementOf(
            { ...this.payer(hold), requestId: hold.requestId },
            {
              usage: usageOf(prompt, completion),
              move,
              outcome: move === 'settle' ? 'completed' : 'client_left',
            },
          ),
        )
        .catch(refusal),
    );
    for (const { hold, prompt, completion, move } of known) {
      this.model.settle(hold, prompt + completion, move === 'settle');
    }
  }

  /** All in one batch of the group commit; one by one where acknowledgements get lost. */
  private async each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    if (!this.groupCommit.forgetful) return Promise.all(items.map(work));
    const results: R[] = [];
    for (const item of items) results.push(await work(item));
    return results;
  }

  private hold(at: number): ModelHold | undefined {
    return this.model.holds[at % Math.max(1, this.model.holds.length)];
  }

  private payer(hold: ModelHold): { accountId: string; keyId: string } {
    const { accountId, keyId } = this.payers[hold.account]!;
    return { accountId, keyId };
  }
}

function byRequestId(a: ModelHold, b: ModelHold): number {
  return a.requestId < b.requestId ? -1 : 1;
}

/** False for a refusal of ours; anything else is a failure of the test. */
function refusal(error: unknown): false {
  if (error instanceof DomainError && error.code !== 'storage_unavailable') return false;
  throw error;
}
