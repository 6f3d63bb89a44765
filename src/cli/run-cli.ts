import { ConfigError } from '../config/config.errors.js';
import { loadCliConfig, type CliConfig } from '../config/cli-config.js';
import { callAdmin } from './admin-client.js';
import { CliError } from './cli-error.js';
import { COMMANDS } from './commands.js';
import { helpOf, overview } from './help.js';
import { findCommand, parseArguments } from './parse-arguments.js';

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
 */
export async function runCli(
  words: readonly string[],
  readConfig: () => CliConfig = loadCliConfig,
): Promise<CliResult> {
  try {
    return await run(words, readConfig);
  } catch (error) {
    if (error instanceof CliError) return failed(error.exitCode, error.message);
    if (error instanceof ConfigError) return failed(2, error.message);
    throw error;
  }
}

async function run(words: readonly string[], readConfig: () => CliConfig): Promise<CliResult> {
  const found = findCommand(COMMANDS, words);
  if (found === undefined) return withoutCommand(words);
  const { command, rest } = found;
  if (wantsHelp(rest)) return printed(helpOf(command));
  const { json, ...given } = parseArguments(command, rest);
  const answer =
    'here' in command ? command.here(given) : await callAdmin(readConfig(), command.request(given));
  const text = json ? JSON.stringify(answer, undefined, 2) : command.show(answer);
  return printed(text, command.isGood?.(answer) ?? true);
}

function withoutCommand(words: readonly string[]): CliResult {
  const [first = ''] = words;
  if (words.length === 0 || first === 'help' || wantsHelp(words)) {
    const ofGroup = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
    return printed(overview(ofGroup.length > 0 ? ofGroup : COMMANDS));
  }
  return failed(2, `There is no such command: ${words.slice(0, 2).join(' ')}\nHelp: npm run cli -- --help`);
}

function wantsHelp(words: readonly string[]): boolean {
  return words.includes('--help') || words.includes('-h');
}

function printed(text: string, good = true): CliResult {
  return { exitCode: good ? 0 : 1, stdout: `${text}\n`, stderr: '' };
}

function failed(exitCode: 1 | 2, text: string): CliResult {
  return { exitCode, stdout: '', stderr: `${text}\n` };
}
