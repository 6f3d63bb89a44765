/**
 * Amounts as JSON numbers. Rounding happens on the integers; the number is then read from the decimal text, so what
 * `JSON.stringify` prints is that text and never a float's remainder.
 */
import { formatDecimal } from './decimal.js';

const NANO_USD_DECIMALS = 9;

/** `usage.total_cost`: USD rounded half up to 7 decimals, as Qolaba's sample is (1 244 100 nano-USD is `0.0012441`). */
export function costUsd7(costNanoUsd: bigint): number {
  return usd(costNanoUsd, 7);
}

/** `usage.breakdown.model.cost`: USD rounded half up to 6 decimals, as Qolaba's sample is (`0.001244`). */
export function costUsd6(costNanoUsd: bigint): number {
  return usd(costNanoUsd, 6);
}

/** Hundredths of a credit as credits: `25n` is `0.25`. Exact up to 10^13 credits. */
export function creditsNumber(creditHundredths: bigint): number {
  return Number(formatDecimal(creditHundredths, 2));
}

function usd(nanoUsd: bigint, decimals: number): number {
  const unit = 10n ** BigInt(NANO_USD_DECIMALS - decimals);
  const rounded = (nanoUsd + unit / 2n) / unit;
  return Number(formatDecimal(rounded, decimals));
}
