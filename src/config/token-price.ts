import { formatPicoUsd, parsePicoUsd } from '../common/money/usd.js';

/** 10 000 USD a million tokens: far above any list price, far below a price a million written by mistake. */
const HIGHEST_PICO_USD = parsePicoUsd('0.01');

/**
 * Reads a written price, USD per token, and gives it back in its shortest form.
 *
 * @throws RangeError whose message says what is wrong and never repeats `text`
 */
export function parseTokenPrice(text: string): string {
  const picoUsd = parsePicoUsd(text);
  if (picoUsd > HIGHEST_PICO_USD) {
    throw new RangeError('must be USD per token (a price per million tokens, divided by 1000000)');
  }
  return formatPicoUsd(picoUsd);
}

/** 10 USD: what a single call costs more than by mistake alone. */
const HIGHEST_PICO_USD_A_REQUEST = parsePicoUsd('10');

/** As `parseTokenPrice`, of a price that is for a whole request. */
export function parseRequestPrice(text: string): string {
  const picoUsd = parsePicoUsd(text);
  if (picoUsd > HIGHEST_PICO_USD_A_REQUEST) throw new RangeError('must be USD for one request');
  return formatPicoUsd(picoUsd);
}
