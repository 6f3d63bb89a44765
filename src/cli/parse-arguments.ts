import { parseArgs } from 'node:util';
import { CliError } from './cli-error.js';
import type { Command, CommandArguments } from './command.js';

export interface ParsedArguments extends CommandArguments {
  readonly json: boolean;
}

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
  const { values, positionals } = splitWords(command, words);
  const { json, ...given } = values;
  const expected = command.positionals;
  if (positionals.length < expected.length)
    throw unclear(command, `<${expected[positionals.length]}> is missing`);
  if (positionals.length > expected.length) {
    throw unclear(command, `"${positionals[expected.length]}" is one too many`);
  }
  const fields: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(command.options)) {
    const text = given[name] ?? option.fallback;
    if (typeof text === 'string') {
      fields[option.field] = named(command, name, () => option.read(text));
    } else if (option.required === true) throw unclear(command, `--${name} is missing`);
  }
  const { guards } = command;
  if (guards !== undefined && Object.keys(fields).every((field) => guards.includes(field))) {
    throw unclear(command, 'nothing is named that is to change');
  }
  return { positionals, fields, json: json === true };
}

function splitWords(
  command: Command,
  words: readonly string[],
): { values: Readonly<Record<string, unknown>>; positionals: readonly string[] } {
  const options = Object.fromEntries(
    Object.keys(command.options).map((name) => [name, { type: 'string' as const }]),
  );
  try {
    return parseArgs({
      args: [...words],
      options: { ...options, json: { type: 'boolean' } },
      allowPositionals: true,
    });
  } catch (error) {
    throw unclear(command, (error as Error).message.split('\n')[0] ?? '');
  }
}

function named<T>(command: Command, option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof CliError ? unclear(command, `--${option} ${error.message}`) : error;
  }
}

function unclear({ name }: Command, what: string): CliError {
  return new CliError(`${name}: ${what}\nHelp: npm run cli -- ${name} --help`, 2);
}
