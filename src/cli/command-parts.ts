/** What several commands have in common. */
import { CliError } from './cli-error.js';
import type { CommandArguments } from './command.js';
import type { Json } from './json.js';
import { didYouMean, list, text, whole, type Option } from './option.js';
import { renderList, renderRecord } from './render.js';

export const PAGE = {
  limit: whole({ field: 'limit', description: 'rows, at most 100 (20)' }),
  cursor: text({ field: 'cursor', value: '<cursor>', description: 'where the page before ended' }),
} satisfies Record<string, Option>;

export const account = (description: string, required = false): Option =>
  text({ field: 'account_id', value: '<id>', description, required });

/** @param fields that have a `null`, by their names on the wire; no other is taken */
export function clear(description: string, fields: readonly string[]): Option {
  const names = list({ field: 'clear', value: '<a,b>', description });
  const read = (given: string): readonly string[] => {
    const parts = names.read(given);
    const [other] = parts.length === 0 ? [''] : parts.filter((part) => !fields.includes(part));
    if (other === undefined) return parts;
    const meant = didYouMean(other, fields);
    throw new CliError(`must name some of ${fields.join(', ')}, not "${other}"${meant}`, 2);
  };
  return { ...names, read };
}

/** A body in which the fields that `clear` names are `null`. */
export function withCleared({ clear: names = [], ...body }: Json): Json {
  return { ...body, ...Object.fromEntries((names as string[]).map((field) => [field, null])) };
}

export const showRecord = (answer: Json): string => renderRecord(answer);
export const showRows =
  (columns: readonly string[]) =>
  (answer: Json): string =>
    renderList(columns, answer);

/** A path whose last part is the first positional. */
export const at =
  (prefix: string, suffix = '') =>
  ({ positionals: [id = ''] }: CommandArguments): string =>
    `${prefix}/${encodeURIComponent(id)}${suffix}`;
