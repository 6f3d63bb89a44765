import { nearestWord } from '../common/nearest-word.js';
import { CliError } from './cli-error.js';
import type { Command, CommandArguments } from './command.js';
import { splitWords, type WrittenOption } from './split-words.js';

export interface ParsedArguments extends CommandArguments {
  readonly json: boolean;
}

const JSON_FLAG = 'json';

/** The command that the words begin with, and the words after it; `undefined`: there is none such. */
export function findCommand(
  commands: readonly Command[],
  words: readonly string[],
): { command: Command; rest: readonly string[] } | undefined {
  for (const command of commands) {
    const parts = command.name.split(' ');
    if (parts.every((part, i) => words[i] === part)) return { command, rest: words.slice(parts.length) };
  }
  return undefined;
}

/** @throws CliError for what the command does not know or lacks */
export function parseArguments(command: Command, words: readonly string[]): ParsedArguments {
  const { positionals, options } = splitWords(words, [JSON_FLAG]);
  const { json, given } = knownOptions(command, options);
  const expected = command.positionals;
  if (positionals.length > expected.length) throw superfluous(command, words, positionals, given);
  if (positionals.length < expected.length) throw unclear(`<${expected[positionals.length]}> is missing`);
  const fields: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(command.options)) {
    const text = given.get(name) ?? option.fallback;
    if (text !== undefined) fields[option.field] = named(name, () => option.read(text));
    else if (option.required === true) throw unclear(`--${name} is missing`);
  }
  const blank = positionals.findIndex((text) => /^\.{0,2}$/.test(text));
  if (blank >= 0) throw unclear(`<${expected[blank]}> cannot be "${positionals[blank]}"`);
  const [undone] = Object.entries(command.options).filter(
    ([name, { field }]) => given.has(name) && (fields['clear'] as string[] | undefined)?.includes(field),
  );
  if (undone !== undefined)
    throw unclear(`--${undone[0]} and --clear ${undone[1].field} contradict each other`);
  const { guards } = command;
  if (guards !== undefined && Object.keys(fields).every((field) => guards.includes(field))) {
    throw unclear('nothing is named that is to change');
  }
  return { positionals, fields, json };
}

/** @throws CliError for an option that is unknown, has no value or comes twice */
function knownOptions(
  { options }: Command,
  written: readonly WrittenOption[],
): { json: boolean; given: ReadonlyMap<string, string> } {
  const given = new Map<string, string>();
  let json = false;
  for (const { written: spelt, name, value, next } of written) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!spelt.startsWith('--') || (option === undefined && name !== JSON_FLAG)) {
      throw unclear(unknownOption(spelt, options));
    }
    if (option === undefined) {
      if (value !== undefined) throw unclear(`--${name} takes no value`);
      json = true;
      continue;
    }
    if (value === undefined) throw unclear(withoutValue(name, option.value, next));
    if (given.has(name)) {
      const several = option.value === '<a,b>' ? `; separate several by commas: --${name} a,b` : '';
      throw unclear(`--${name} is given twice${several}`);
    }
    given.set(name, value);
  }
  return { json, given };
}

function unknownOption(written: string, options: Command['options']): string {
  const unknown = `there is no option ${written}`;
  // Who knows the admin API writes its names.
  const names = new Map([
    ...Object.entries(options).map(([name, { field }]) => [field, name] as const),
    ...[...Object.keys(options), JSON_FLAG, 'help'].map((name) => [name, name] as const),
  ]);
  const meant = nearestWord(written.replace(/^-+/, ''), [...names.keys()]);
  if (meant !== undefined) return `${unknown}; did you mean --${names.get(meant)}?`;
  return `${unknown}; the options are ${[...Object.keys(options), JSON_FLAG].map((name) => `--${name}`).join(', ')}`;
}

function withoutValue(name: string, value: string, next: string | undefined): string {
  if (next === undefined || next === '--') return `--${name} needs a value (${value})`;
  return `--${name} needs a value (${value}), and ${next.split('=')[0]} follows; a value that begins with a dash is written --${name}=-…`;
}

/** Mostly a value whose option was left out, or a text with a space that was not put in quotes. */
function superfluous(
  command: Command,
  words: readonly string[],
  positionals: readonly string[],
  given: ReadonlyMap<string, string>,
): CliError {
  const extra = positionals[command.positionals.length] ?? '';
  const tooMany = `"${extra}" is one too many`;
  const lacking = Object.entries(command.options).find(
    ([name, { required }]) => required === true && !given.has(name),
  );
  if (lacking !== undefined) {
    return unclear(`${tooMany}; did you mean --${lacking[0]} ${/\s/.test(extra) ? `"${extra}"` : extra}?`);
  }
  const before = words[words.indexOf(extra) - 1];
  const cut = [...given].find(([, value]) => value !== '' && value === before);
  if (cut !== undefined) {
    return unclear(
      `${tooMany}; a value with a space in it is put in quotes: --${cut[0]} "${cut[1]} ${extra}"`,
    );
  }
  return unclear(tooMany);
}

function named<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof CliError ? unclear(`--${option} ${error.message}`) : error;
  }
}

function unclear(what: string): CliError {
  return new CliError(what, 2);
}
