import type { Bill } from '../common/money/bill.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { costUsd6, costUsd7, creditsNumber } from '../common/money/wire-amounts.js';
import type { Surface } from './surface.js';

export interface WireUsage extends Usage {
  total_credit?: number;
  total_cost?: number;
  breakdown?: { model: { model: string; credit: number; cost: number } };
}

/**
 * Usage as the dialect says it: the three token counts always, credits and cost beside them where it has credits.
 * `total_cost` is rounded to 7 decimals and `breakdown.model.cost` to 6, as in Qolaba's published sample.
 */
export function renderUsage(usage: Usage, bill: Bill, surface: Surface): WireUsage {
  if (!surface.credits) return usage;
  const credit = creditsNumber(bill.creditHundredths);
  return {
    ...usage,
    total_credit: credit,
    total_cost: costUsd7(bill.costNanoUsd),
    breakdown: { model: { model: bill.model, credit, cost: costUsd6(bill.costNanoUsd) } },
  };
}
