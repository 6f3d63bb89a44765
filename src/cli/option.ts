import { readFileSync } from 'node:fs';
import { nearestWord } from '../common/nearest-word.js';
import { CliError } from './cli-error.js';

/** An option of a command: a field of the request that the command makes. */
export interface Option<T = unknown> {
  /** Name of the field on the wire. */
  readonly field: string;
  readonly description: string;
  /** Placeholder in the help. */
  readonly value: string;
  /** @throws CliError for what it does not take */
  readonly read: (text: string) => T;
  readonly required?: boolean;
  /** Used where the option is not given. */
  readonly fallback?: string;
}

type OptionText = Pick<Option, 'field' | 'description'> & Partial<Pick<Option, 'required' | 'fallback'>>;

export const text = (option: OptionText & { value: string }): Option => ({
  ...option,
  read: (given) => given,
});

export const whole = (option: OptionText): Option => ({
  ...option,
  value: '<n>',
  read: (given) => {
    if (!/^\d{1,15}$/.test(given))
      throw new CliError(`must be a whole number of 0 or more, not "${given}"`, 2);
    return Number(given);
  },
});

/** A number with decimals, such as 0.7. */
export const number = (option: OptionText): Option => ({
  ...option,
  value: '<number>',
  read: (given) => {
    if (!/^-?\d{1,9}(\.\d{1,9})?$/.test(given)) throw new CliError(`must be a number, not "${given}"`, 2);
    return Number(given);
  },
});

/** Credits with at most two decimals, perhaps negative. */
export const credits = (option: OptionText): Option => ({
  ...option,
  value: '<credits>',
  read: (given) => {
    if (!/^-?\d{1,13}(\.\d{1,2})?$/.test(given)) {
      throw new CliError(
        `must be a number with at most two decimals and 13 digits before them, not "${given}"`,
        2,
      );
    }
    return Number(given);
  },
});

/** Parts between commas. */
export const list = (option: OptionText & { value: string }): Option<readonly string[]> => ({
  ...option,
  read: (given) =>
    given
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
});

/** A date, a date with a time (UTC where it names no zone), or Unix seconds; Unix seconds on the wire. */
export const time = (option: OptionText): Option => ({
  ...option,
  value: '<time>',
  read: (given) => {
    if (/^\d{5,13}$/.test(given)) return Number(given);
    const zoned = /T.*(Z|[+-]\d{2}:?\d{2})$/.test(given) || !given.includes('T') ? given : `${given}Z`;
    const ms = Date.parse(zoned);
    if (Number.isNaN(ms) || !isDate(given.slice(0, 10))) {
      throw new CliError(`must be a time such as 2027-01-31 or 2027-01-31T18:00:00Z, not "${given}"`, 2);
    }
    return Math.floor(ms / 1000);
  },
});

/** `Date.parse` takes 31 February for 3 March. */
function isDate(date: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(date) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
}

/** A file that holds a JSON object. */
export const jsonFile = (option: OptionText): Option => ({
  ...option,
  value: '<path>',
  read: (given) => {
    const value = parseFile(given);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    throw new CliError(`must name a file with a JSON object: "${given}" holds something else`, 2);
  },
});

function parseFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot be read from "${path}": ${code ?? message}`, 2);
  }
}

export const flag = (option: OptionText): Option => ({
  ...option,
  value: 'true|false',
  read: (given) => {
    if (given !== 'true' && given !== 'false') {
      throw new CliError(`must be true or false, not "${given}"`, 2);
    }
    return given === 'true';
  },
});

export const choice = (option: OptionText, ...words: readonly string[]): Option => ({
  ...option,
  value: words.join('|'),
  read: (given) => {
    if (words.includes(given)) return given;
    throw new CliError(`must be one of ${words.join(', ')}, not "${given}"${didYouMean(given, words)}`, 2);
  },
});

/** Behind a refusal, the word that was most likely meant; empty where none is near. */
export function didYouMean(given: string, words: readonly string[]): string {
  const meant = nearestWord(given, words);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}
