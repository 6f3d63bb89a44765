export const ACCOUNTS = 2;
/** Of the first account's key; the other has none. */
export const BUDGET = 400n;

export interface ModelHold {
  readonly account: number;
  readonly requestId: string;
  readonly doomed: boolean;
  amount: bigint;
  relayed: number;
  state: 'open' | 'settled' | 'given back';
  captured: bigint;
  givenBack: boolean;
}

/** What the ledger promises, in one thread and without a database. */
export class LedgerModel {
  readonly accounts = Array.from({ length: ACCOUNTS }, () => ({ balance: 0n, held: 0n, spent: 0n }));
  readonly holds: ModelHold[] = [];

  /** @returns what a hold of this account may take at most */
  left(account: number): bigint {
    const { balance, held, spent } = this.accounts[account]!;
    const budget = account === 0 ? BUDGET - spent - held : balance;
    return least(balance - held, budget < 0n ? 0n : budget);
  }

  post(account: number, amount: bigint): boolean {
    const sums = this.accounts[account]!;
    if (sums.balance + amount < sums.held) return false;
    sums.balance += amount;
    return true;
  }

  /** @returns what is held, `undefined` where it is refused */
  open(
    hold: Omit<ModelHold, 'amount' | 'relayed' | 'state' | 'captured' | 'givenBack'>,
    most: bigint,
    atLeast: bigint,
  ) {
    const left = this.left(hold.account);
    if (atLeast > left) return undefined;
    const share = left / 8n;
    const amount = most <= share || most === atLeast ? most : share > atLeast ? share : atLeast;
    this.accounts[hold.account]!.held += amount;
    this.holds.push({ ...hold, amount, relayed: 0, state: 'open', captured: 0n, givenBack: false });
    return amount;
  }

  extend(hold: ModelHold, wanted: bigint): void {
    if (hold.state !== 'open' || wanted <= hold.amount) return;
    const more = least(wanted - hold.amount, this.left(hold.account));
    hold.amount += more;
    this.accounts[hold.account]!.held += more;
  }

  settle(hold: ModelHold, tokens: number, charge: boolean): void {
    if (hold.state !== 'open') return;
    const sums = this.accounts[hold.account]!;
    const captured = charge ? least(BigInt(tokens), hold.amount + this.left(hold.account)) : 0n;
    sums.held -= hold.amount;
    sums.balance -= captured;
    sums.spent += captured;
    hold.state = charge ? 'settled' : 'given back';
    hold.captured = captured;
  }

  giveBack(hold: ModelHold): void {
    if (hold.state !== 'settled' || hold.givenBack) return;
    hold.givenBack = true;
    const sums = this.accounts[hold.account]!;
    sums.balance += hold.captured;
    sums.spent -= hold.captured;
  }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
