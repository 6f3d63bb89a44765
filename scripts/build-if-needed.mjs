// Builds dist/ when it is missing or older than what it is made of, so that `npm start` is one command.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const MARKER = 'dist/main.js';
const SOURCES = ['src', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];

function newestMs(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

const builtMs = existsSync(MARKER) ? statSync(MARKER).mtimeMs : 0;
// A production image has no sources and no compiler: what is built is what runs.
if (existsSync('src') && Math.max(...SOURCES.map(newestMs)) > builtMs) {
  process.stderr.write('Building (once, about 10 seconds)...\n');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  process.exit(status ?? 1);
}
