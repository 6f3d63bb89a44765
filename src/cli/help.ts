import type { Command } from './command.js';

const COMMON = [
  ['--json', 'print the answer as JSON'],
  ['--help', 'print this'],
] as const;

/**
 * Several commands.
 *
 * @param program as it is typed
 */
export function overview(commands: readonly Command[], program: string): string {
  return `Usage: ${program} <command> [options]

Commands
${aligned(commands.map(({ name, summary }) => [name, summary]))}

Options of every command
${aligned(COMMON)}

Environment (also from ./.env)
${aligned([
  [
    'ADMIN_KEY',
    "the server's admin key; never given as an option, where others on this machine could see it",
  ],
  ['TOLLGATE_URL', 'where the server listens (http://127.0.0.1:3000)'],
])}

Ends with 0 when it worked, 1 when it did not, 2 when the command was not understood.`;
}

/**
 * One command.
 *
 * @param program as it is typed
 */
export function helpOf(command: Command, program: string): string {
  const rows = Object.entries(command.options).map(([option, { value, description, required: must }]) => [
    `--${option} ${value}`,
    must === true ? `${description}; required` : description,
  ]);
  return `${command.summary}.

${usageOf(command, program)}

Options
${aligned([...rows, ...COMMON])}`;
}

/** How one command is called, in a line. */
export function usageOf({ name, positionals, options }: Command, program: string): string {
  const required = Object.entries(options).filter(([, option]) => option.required === true);
  const words = [
    name,
    ...positionals.map((positional) => `<${positional}>`),
    ...required.map(([option, { value }]) => `--${option} ${value}`),
    '[options]',
  ];
  return `Usage: ${program} ${words.join(' ')}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(width)}  ${text}`).join('\n');
}
