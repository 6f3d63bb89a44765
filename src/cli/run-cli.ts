import { CALLED_BY_NPM, type CalledAs } from '../config/called-as.js';
import { ConfigError } from '../config/config.errors.js';
import { loadCliConfig, type CliConfig } from '../config/cli-config.js';
import { StorageStartError } from '../persistence/storage-start.error.js';
import { callAdmin } from './admin-client.js';
import { CliError } from './cli-error.js';
import type { Command } from './command.js';
import { COMMANDS } from './commands.js';
import { helpOf, overview, usageOf } from './help.js';
import { findCommand, parseArguments, type ParsedArguments } from './parse-arguments.js';
import { renderLine } from './render.js';
import { commandsOfGroup, unknownCommand } from './unknown-command.js';

/** How a run of the tool ended, and what it prints. */
export interface CliResult {
  /** 0: it worked; 1: it did not; 2: the command was not understood. */
  readonly exitCode: 0 | 1 | 2;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one command of the tool.
 *
 * @param words as typed, without the program
 * @param readConfig asked when the command is understood
 * @param names what help and messages call the programs
 */
export async function runCli(
  words: readonly string[],
  readConfig: () => CliConfig = loadCliConfig,
  names: CalledAs = CALLED_BY_NPM,
): Promise<CliResult> {
  try {
    return await run(words, readConfig, names);
  } catch (error) {
    if (error instanceof CliError) return failed(error.exitCode, error.message);
    if (error instanceof ConfigError) return failed(2, error.message);
    if (error instanceof StorageStartError) return failed(1, error.message);
    throw error;
  }
}

async function run(
  words: readonly string[],
  readConfig: () => CliConfig,
  { cli, server }: CalledAs,
): Promise<CliResult> {
  const ordered = commandFirst(words);
  const found = findCommand(COMMANDS, ordered);
  if (found === undefined) return withoutCommand(ordered, cli);
  const { command, rest } = found;
  if (wantsHelp(rest)) return printed(helpOf(command, cli));
  const { json, ...given } = understood(command, rest, cli);
  const answer =
    'here' in command
      ? await command.here(given)
      : await callAdmin(readConfig(), command.request(given), server).catch((error: unknown) => {
          throw inOptions(command, error);
        });
  const { warnings = [], ...record } = answer;
  const text = json ? JSON.stringify(answer, undefined, 2) : command.show(record);
  return { ...printed(text, command.isGood?.(answer) ?? true), stderr: warned(warnings as string[]) };
}

/** Asks for help, or for JSON, may stand before the command: `--help keys create`, `help keys create`. */
function commandFirst(words: readonly string[]): readonly string[] {
  const [first, ...rest] = words;
  if (first === 'help') return [...commandFirst(rest), '--help'];
  return first !== undefined && (first === '--json' || isHelp(first))
    ? [...commandFirst(rest), first]
    : words;
}

/** @throws CliError that tells how the command is called */
function understood(command: Command, words: readonly string[], program: string): ParsedArguments {
  try {
    return parseArguments(command, words);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { name } = command;
    const help = `Help: ${program} ${name} --help`;
    throw new CliError(`${name}: ${error.message}\n${usageOf(command, program)}\n${help}`, 2);
  }
}

/** The server speaks of `expires_at`; who typed `--expires` is told so. */
function inOptions({ options }: Command, error: unknown): unknown {
  if (!(error instanceof CliError) || error.field === undefined) return error;
  const { message, exitCode, field } = error;
  const name = Object.keys(options).find((each) => options[each]?.field === field);
  if (name === undefined || name === field.replaceAll('_', '-')) return error;
  return new CliError(`${message}\nThe option for '${field}' is --${name}.`, exitCode);
}

function withoutCommand(words: readonly string[], program: string): CliResult {
  const [first] = words;
  if (first === undefined || first === '--json' || isHelp(first)) return printed(overview(COMMANDS, program));
  if (first.startsWith('-')) return misread(`${nameOf(first)} stands before the command`, undefined, program);
  const ofGroup = commandsOfGroup(COMMANDS, first);
  const named = words.filter((word) => !word.startsWith('-'));
  if (ofGroup.length > 0 && named.length === 1 && wantsHelp(words))
    return printed(overview(ofGroup, program));
  const { message, meant } = unknownCommand(COMMANDS, named);
  return misread(message, meant, program);
}

/** @param meant the command whose usage helps most */
function misread(message: string, meant: Command | undefined, program: string): CliResult {
  const usage = meant === undefined ? `Usage: ${program} <command> [options]` : usageOf(meant, program);
  return failed(2, `${message}\n${usage}\nHelp: ${program} --help`);
}

function wantsHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? undefined : end).some(isHelp);
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

/** An option without its value. */
function nameOf(word: string): string {
  return word.split('=')[0] ?? '';
}

function warned(warnings: readonly string[]): string {
  return warnings.map((warning) => `Warning: ${renderLine(warning)}\n`).join('');
}

function printed(text: string, good = true): CliResult {
  return { exitCode: good ? 0 : 1, stdout: `${text}\n`, stderr: '' };
}

function failed(exitCode: 1 | 2, text: string): CliResult {
  return { exitCode, stdout: '', stderr: `${text}\n` };
}
