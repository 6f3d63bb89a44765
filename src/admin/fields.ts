/** Constraints of the fields that operators send. */
import { isAddressRange } from '../auth/address-list.js';
import { parseDecimal } from '../common/money/decimal.js';
import { list, refine } from '../contracts/validation/composites.js';
import { formatPath } from '../contracts/validation/issue.js';
import { MAX_INT32 } from '../contracts/validation/limits.js';
import { decimal, integer, text } from '../contracts/validation/primitives.js';
import { NO_CONTROLS } from '../contracts/validation/record-fields.js';
import type { Constraint } from '../contracts/validation/rule.js';
import { modelId } from '../contracts/validation/sampling.js';

/** Credits: JSON numbers are exact for two decimals up to here, and far beyond. */
const MAX_CREDITS = 1_000_000_000_000;

/** Latest time that a date can hold, in seconds. */
const MAX_UNIX_SECONDS = 8_640_000_000_000;

const MAX_MODELS = 1_000;
const MAX_ADDRESSES = 100;

export const reason = text({ max: 1_024, ...NO_CONTROLS });

/** At least 1: a key that may do nothing is revoked. */
export const perMinute = integer({ min: 1, max: MAX_INT32 });
export const concurrency = integer({ min: 1, max: MAX_INT32 });
/** A century at most. */
export const days = integer({ min: 0, max: 36_500 });
/** More than any disk holds; exact as a JSON number. */
const MOST_STORED = 999_999_999_999_999;
export const storageLimit = integer({ min: 0, max: MOST_STORED });
export const versionLimit = integer({ min: 1, max: MOST_STORED });
export const moment = integer({ min: 0, max: MAX_UNIX_SECONDS });
export const models = list(modelId, { max: MAX_MODELS });

const address = refine<string>(text({ max: 64 }), (value, path, report) => {
  if (isAddressRange(value)) return;
  report({ kind: 'pattern', expected: 'an IP address or network', path, input: value });
});
export const addresses = list(address, { max: MAX_ADDRESSES });

/** A number of credits with at most two decimals, picked as hundredths. */
function credits(min: number): Constraint {
  return {
    ...refine<number>(decimal({ min, max: MAX_CREDITS }), (value, path, report) => {
      if (toHundredths(value) !== undefined) return;
      const message = `Invalid '${formatPath(path)}': expected a number with at most two decimals.`;
      report({ kind: 'conflict', message, code: 'invalid_value', path, input: value });
    }),
    pick: (value) => toHundredths(value as number),
  };
}

export const creditsOrNothing = credits(0);
export const signedCredits = credits(-MAX_CREDITS);

/** Read from the decimal text that the number prints as: exact. */
function toHundredths(value: number): bigint | undefined {
  try {
    const magnitude = parseDecimal(String(Math.abs(value)), 2);
    return value < 0 ? -magnitude : magnitude;
  } catch {
    return undefined;
  }
}
