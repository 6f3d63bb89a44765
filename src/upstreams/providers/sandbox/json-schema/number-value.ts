import type { FlatSchema } from './flat-schema.js';

type NumberRules = Pick<
  FlatSchema,
  'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum' | 'multipleOf'
>;

/** Distance from a lone bound within which numbers are looked for. */
const WINDOW = 100;
const MOST_STEPS_TRIED = 50;

export function fitsNumber(value: number, integer: boolean, rules: NumberRules): boolean {
  return (
    (!integer || Number.isInteger(value)) &&
    value >= rules.minimum &&
    value > rules.exclusiveMinimum &&
    value <= rules.maximum &&
    value < rules.exclusiveMaximum &&
    // The way validators test it, rounding errors included.
    (rules.multipleOf === undefined || Number.isInteger(value / rules.multipleOf))
  );
}

/**
 * A number within the rules; where there is none, one near them.
 * @param ordinal which of the fitting numbers, counted upwards from the least (and round again)
 */
export function numberFor(ordinal: number, integer: boolean, rules: NumberRules): number {
  const { low, high } = rangeOf(rules, ordinal);
  const step = rules.multipleOf ?? 1;
  const first = Math.ceil(low / step);
  const steps = Math.floor(high / step) - first + 1;
  for (let tried = 0; tried < Math.min(MOST_STEPS_TRIED, steps); tried += 1) {
    const multiple = (first + ((ordinal + tried) % steps)) * step;
    // 3 × 0.1 is 0.30000000000000004: offer the number that people would write, too.
    for (const value of [Number(multiple.toPrecision(12)), multiple]) {
      // Adding 0 makes a negative zero plain.
      if (fitsNumber(value, integer, rules)) return value + 0;
    }
  }
  const middle = low + (high - low) / 2;
  if (!Number.isFinite(middle)) return 0;
  return integer ? Math.round(middle) + 0 : middle;
}

function rangeOf(rules: NumberRules, ordinal: number): { low: number; high: number } {
  const low = Math.max(rules.minimum, rules.exclusiveMinimum);
  const high = Math.min(rules.maximum, rules.exclusiveMaximum);
  const window = Math.max(WINDOW, (rules.multipleOf ?? 1) * (10 + 2 * ordinal));
  if (low === -Infinity) return high === Infinity ? { low: 1, high: window } : { low: high - window, high };
  return { low, high: high === Infinity ? low + window : high };
}
