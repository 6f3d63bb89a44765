import { formatDecimal, parseDecimal } from './decimal.js';

const PICO_USD_DECIMALS = 12;

/**
 * A decimal USD string as pico-USD, exactly: `"0.0000003"` is `300000n`.
 *
 * @throws RangeError if it is no plain decimal or has more than 12 decimals
 */
export function parsePicoUsd(usd: string): bigint {
  return parseDecimal(usd, PICO_USD_DECIMALS);
}

/** The inverse of `parsePicoUsd`, as the models list shows prices: `300000n` is `"0.0000003"`. */
export function formatPicoUsd(picoUsd: bigint): string {
  return formatDecimal(picoUsd, PICO_USD_DECIMALS);
}
