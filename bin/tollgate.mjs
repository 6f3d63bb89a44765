// What `tollgate` does with its words. Plain enough for a Node that is too old, which the programs themselves refuse.
import { readFileSync } from 'node:fs';
import process from 'node:process';

const USAGE = `Usage: tollgate <command>

Commands
  serve      start the server; it reads its settings from the environment, ./.env and ./tollgate.yaml
  cli        manage a running server, and check a configuration: tollgate cli --help
  --version  print the version
  --help     print this
`;

const [command, ...rest] = process.argv.slice(2);

function refuse(message) {
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exitCode = 2;
}

if (command === 'serve') {
  if (rest.length === 0) await import('../dist/main.js');
  else if (rest[0] === '--help' || rest[0] === '-h') process.stdout.write(USAGE);
  else refuse(`tollgate serve takes no options, such as ${rest[0]}: its settings are environment variables.`);
} else if (command === 'cli') {
  // The tool sees its own words alone, whoever started it.
  process.argv.splice(2, 1);
  await import('../dist/cli/main.js');
} else if (command === '--version' || command === '-v') {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${version}\n`);
} else if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
  process.stdout.write(USAGE);
} else {
  refuse(`There is no such command: tollgate ${command}`);
}
