/** What may become of a hold. Terminal states have no moves: a hold is resolved at most once. */
export type HoldState = 'open' | 'settled' | 'released' | 'expired';

/** `settle`: charge true usage; `release`: nothing was used; `expire`: its process died before anything was used. */
export type HoldMove = 'settle' | 'release' | 'expire';

const MOVES = {
  open: { settle: 'settled', release: 'released', expire: 'expired' },
  settled: {},
  released: {},
  expired: {},
} as const satisfies Record<HoldState, Partial<Record<HoldMove, HoldState>>>;

/** @returns the state after the move, `undefined` where the move is not allowed */
export function moveHold(state: HoldState, move: HoldMove): HoldState | undefined {
  const moves: Partial<Record<HoldMove, HoldState>> = MOVES[state];
  return moves[move];
}
