import type { WireSurface } from '../../support/wire-surfaces.js';
import { expect } from '@jest/globals';
import { closed, COUNT, type JsonSchema } from './json-schema.js';

type Dialect = WireSurface['name'];

const TOKENS = {
  prompt_tokens: COUNT,
  completion_tokens: COUNT,
  total_tokens: COUNT,
  prompt_tokens_details: closed({ cached_tokens: COUNT, audio_tokens: COUNT }),
  completion_tokens_details: closed({
    reasoning_tokens: COUNT,
    audio_tokens: COUNT,
    accepted_prediction_tokens: COUNT,
    rejected_prediction_tokens: COUNT,
  }),
} as const;

const DETAILS = ['prompt_tokens_details', 'completion_tokens_details'];

/** USD or credits. How many decimals it may have no schema can tell: `expectUsageToAddUp` does. */
const AMOUNT: JsonSchema = { type: 'number', minimum: 0 };

/**
 * Usage: the three token counts of Waterflai and LightningRod on every surface, on Q with the credits, cost and breakdown
 * of Qolaba beside them.
 */
export function usageSchema(dialect: Dialect, model: string): JsonSchema {
  if (dialect !== 'Q') return closed(TOKENS, DETAILS);
  return closed(
    {
      ...TOKENS,
      total_credit: AMOUNT,
      total_cost: AMOUNT,
      breakdown: closed({ model: closed({ model: { const: model }, credit: AMOUNT, cost: AMOUNT }) }),
    },
    DETAILS,
  );
}

interface Tokens {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

interface Money {
  readonly total_credit: number;
  readonly total_cost: number;
  readonly breakdown: { readonly model: { readonly credit: number; readonly cost: number } };
}

/**
 * What no schema can say of usage: the total is the sum, and money is rounded as in Qolaba's published sample (credits to 2
 * decimals, `total_cost` to 7, the breakdown's cost to 6).
 */
export function expectUsageToAddUp(usage: unknown): void {
  const { prompt_tokens, completion_tokens, total_tokens, ...money } = usage as Tokens & Partial<Money>;
  expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  if ('breakdown' in money) expectMoneyToAddUp(money as Money);
}

function expectMoneyToAddUp({ total_credit, total_cost, breakdown }: Money): void {
  expect(total_credit).toBe(rounded(total_credit, 2));
  expect(total_cost).toBe(rounded(total_cost, 7));
  const { credit, cost } = breakdown.model;
  expect(credit).toBe(total_credit);
  expect(cost).toBe(rounded(cost, 6));
  // Both are rounded from the same exact cost.
  expect(Math.abs(cost - total_cost)).toBeLessThan(6e-7);
}

function rounded(amount: number, decimals: number): number {
  return Number(amount.toFixed(decimals));
}
