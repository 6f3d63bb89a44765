import type { Command } from './command.js';

const COMMON = [
  ['--json', 'print the answer as JSON'],
  ['--help', 'print this'],
] as const;

/** All commands. */
export function overview(commands: readonly Command[]): string {
  return `Usage: npm run cli -- <command> [options]

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

/** One command. */
export function helpOf({ name, summary, positionals, options }: Command): string {
  const entries = Object.entries(options);
  const required = entries.filter(([, option]) => option.required === true);
  const usage = [
    name,
    ...positionals.map((positional) => `<${positional}>`),
    ...required.map(([option, { value }]) => `--${option} ${value}`),
    '[options]',
  ].join(' ');
  const rows = entries.map(([option, { value, description, required: must }]) => [
    `--${option} ${value}`,
    must === true ? `${description}; required` : description,
  ]);
  return `${summary}.

Usage: npm run cli -- ${usage}

Options
${aligned([...rows, ...COMMON])}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(width)}  ${text}`).join('\n');
}
