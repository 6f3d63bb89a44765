/** A plain decimal number as people and vendors write prices: digits, at most one point, no sign, no exponent. */
const PLAIN_DECIMAL = /^(\d{1,15})(?:\.(\d{1,30}))?$/;

/**
 * Reads a non-negative decimal string as a whole number of 10^-scale units, exactly.
 *
 * @param text e.g. `"0.0000003"`; no sign, exponent, separator or space
 * @param scale how many decimals the unit has; a text with more is refused rather than rounded
 * @throws RangeError whose message says what is wrong and never repeats `text`
 */
export function parseDecimal(text: string, scale: number): bigint {
  const match = PLAIN_DECIMAL.exec(text);
  if (match === null) {
    throw new RangeError('must be a plain decimal number such as "0.0000003" (no sign, no exponent)');
  }
  const [, whole = '', fraction = ''] = match;
  const digits = fraction.replace(/0+$/, '');
  if (digits.length > scale) throw new RangeError(`must have at most ${scale} decimals`);
  return BigInt(whole + digits.padEnd(scale, '0'));
}

/** Writes a whole number of 10^-scale units as a plain decimal: no exponent, no needless zeros, `"0"` for none. */
export function formatDecimal(units: bigint, scale: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}
