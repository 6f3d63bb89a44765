export const BUDGET_PERIODS = ['day', 'week', 'month', 'total'] as const;

export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

/** The most that one key may spend in a period. */
export interface Budget {
  /** Hundredths of a credit. */
  readonly limitHundredths: bigint;
  readonly period: BudgetPeriod;
}

const DAY_MS = 86_400_000;

/**
 * The period that a moment falls into, by the name under which its spending is counted: `day:2026-11-22`,
 * `week:2026-11-16` (a Monday), `month:2026-11-01`, `total`. Days begin at midnight UTC, weeks on Mondays.
 */
export function budgetWindow(period: BudgetPeriod, atMs: number): string {
  if (period === 'total') return period;
  return `${period}:${new Date(startOf(period, atMs)).toISOString().slice(0, 10)}`;
}

function startOf(period: Exclude<BudgetPeriod, 'total'>, atMs: number): number {
  const at = new Date(atMs);
  if (period === 'month') return Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  const daysSinceMonday = period === 'week' ? (at.getUTCDay() + 6) % 7 : 0;
  return Math.floor(atMs / DAY_MS - daysSinceMonday) * DAY_MS;
}
