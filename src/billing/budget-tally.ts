/** The budget of one key in one period. */
export interface BudgetPlace {
  readonly keyId: string;
  /** See `budgetWindow`. */
  readonly window: string;
}

export interface BudgetState extends BudgetPlace {
  readonly limitHundredths: bigint;
  readonly spentHundredths: bigint;
  readonly heldHundredths: bigint;
}

/** Budgets as a transaction finds them, and what it does to them, in order. Hundredths of a credit. */
export class BudgetTally {
  private readonly states = new Map<string, BudgetState>();
  private readonly touched = new Set<string>();

  constructor(states: readonly BudgetState[]) {
    for (const state of states) this.states.set(idOf(state), state);
  }

  find(place: BudgetPlace): BudgetState | undefined {
    return this.states.get(idOf(place));
  }

  /** What is neither spent nor held; 0 where the budget was made smaller than that. */
  availableOf(place: BudgetPlace, limitHundredths = this.find(place)?.limitHundredths ?? 0n): bigint {
    const state = this.find(place);
    const available = limitHundredths - (state?.spentHundredths ?? 0n) - (state?.heldHundredths ?? 0n);
    return available > 0n ? available : 0n;
  }

  /** Sets aside; negative gives back. */
  hold(place: BudgetPlace, amountHundredths: bigint, limitHundredths?: bigint): void {
    this.change(place, 0n, amountHundredths, limitHundredths);
  }

  /** Takes a hold's whole amount away and spends what was captured of it. */
  settle(place: BudgetPlace, heldHundredths: bigint, capturedHundredths: bigint): void {
    this.change(place, capturedHundredths, -heldHundredths);
  }

  /** Gives back what was spent. */
  giveBack(place: BudgetPlace, amountHundredths: bigint): void {
    this.change(place, -amountHundredths, 0n);
  }

  changed(): BudgetState[] {
    return [...this.states].filter(([id]) => this.touched.has(id)).map(([, state]) => state);
  }

  private change(place: BudgetPlace, spent: bigint, held: bigint, limitHundredths?: bigint): void {
    const { keyId, window } = place;
    const state = this.find(place);
    const spentHundredths = (state?.spentHundredths ?? 0n) + spent;
    const heldHundredths = (state?.heldHundredths ?? 0n) + held;
    const used = spentHundredths + heldHundredths;
    const wanted = limitHundredths ?? state?.limitHundredths ?? 0n;
    // Made smaller than what is used already, it stands at what is used.
    const limit = limitHundredths !== undefined && wanted < used ? used : wanted;
    this.states.set(idOf(place), {
      keyId,
      window,
      limitHundredths: limit,
      spentHundredths,
      heldHundredths,
    });
    this.touched.add(idOf(place));
  }
}

/** Where a hold was or will be taken from; `undefined`: its key has no budget. */
export function budgetPlaceOf(hold: {
  readonly keyId: string;
  readonly budgetWindow: string | undefined;
}): BudgetPlace | undefined {
  return hold.budgetWindow === undefined ? undefined : { keyId: hold.keyId, window: hold.budgetWindow };
}

export function budgetPlacesOf(holds: readonly Parameters<typeof budgetPlaceOf>[0][]): BudgetPlace[] {
  return holds.map(budgetPlaceOf).filter((place) => place !== undefined);
}

function idOf({ keyId, window }: BudgetPlace): string {
  return `${keyId} ${window}`;
}
