import { MAX_TEXT_CHARS } from './limits.js';
import type { ExpectedType, Path } from './issue.js';
import type { Constraint, Report } from './rule.js';

/** Reports a type that was not sent; nothing is ever coerced. */
export function reportType(expected: ExpectedType, value: unknown, path: Path, report: Report): void {
  report({ kind: 'wrong_type', expected, path, input: value });
}

export interface TextOptions {
  readonly min?: number;
  /** Characters; the general cap on texts when left out, `Infinity` for the body limit alone. */
  readonly max?: number;
  /** Must be linear in the length of its input: it runs on what strangers send. */
  readonly pattern?: RegExp;
  /** Completes "Expected …" when the pattern says less than words do. */
  readonly expected?: string;
}

export function text(options: TextOptions = {}): Constraint {
  const { min = 0, max = MAX_TEXT_CHARS, pattern } = options;
  const expected = options.expected ?? `a string that matches the pattern '${pattern?.source}'`;
  return {
    check(value, path, report) {
      if (typeof value !== 'string') return reportType('string', value, path, report);
      const actual = value.length;
      if (actual < min) {
        return report({ kind: 'too_short', of: 'string', limit: min, actual, path, input: value });
      }
      if (actual > max) {
        return report({ kind: 'too_long', of: 'string', limit: max, actual, path, input: value });
      }
      if (pattern !== undefined && !pattern.test(value)) {
        report({ kind: 'pattern', pattern: pattern.source, expected, path, input: value });
      }
    },
    schema: {
      type: 'string',
      ...(min > 0 && { minLength: min }),
      ...(options.max !== undefined && Number.isFinite(max) && { maxLength: max }),
      ...(pattern !== undefined && options.expected === undefined && { pattern: pattern.source }),
    },
  };
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function decimal(range: Range): Constraint {
  return {
    check(value, path, report) {
      if (typeof value !== 'number') return reportType('decimal', value, path, report);
      checkRange('decimal', value, range, path, report);
    },
    schema: { type: 'number', minimum: range.min, maximum: range.max },
  };
}

/** Takes `2.0` for `2`, as JSON does; the range keeps out what is no safe integer. */
export function integer(range: Range): Constraint {
  return {
    check(value, path, report) {
      if (typeof value !== 'number') return reportType('integer', value, path, report);
      // `1e999` parses to Infinity: that is above every range, not fractional.
      if (Number.isFinite(value) && !Number.isInteger(value)) {
        return reportType('integer', value, path, report);
      }
      checkRange('integer', value, range, path, report);
    },
    schema: { type: 'integer', minimum: range.min, maximum: range.max },
  };
}

function checkRange(
  type: 'decimal' | 'integer',
  value: number,
  { min, max }: Range,
  path: Path,
  report: Report,
): void {
  if (value < min) report({ kind: 'below', type, limit: min, path, input: value });
  else if (value > max) report({ kind: 'above', type, limit: max, path, input: value });
}

export const flag: Constraint = {
  check(value, path, report) {
    if (typeof value !== 'boolean') reportType('boolean', value, path, report);
  },
  schema: { type: 'boolean' },
};

/** One string of a closed list. */
export function choice(...supported: readonly string[]): Constraint {
  return {
    check(value, path, report) {
      if (typeof value === 'string' && supported.includes(value)) return;
      report({ kind: 'not_supported', supported, path, input: value });
    },
    schema: { type: 'string', enum: [...supported] },
  };
}
