// Builds dist/ when it was made of something else than what is here, so that `npm start` is one command. Contents are
// compared, not times: npm writes its lock file anew whenever it likes.
//
//   build-if-needed.mjs            builds if needed; where there is no compiler, what is built is what runs
//   build-if-needed.mjs --record   notes what dist/ was made of; the last step of a build
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const MAIN = 'dist/main.js';
const NOTE = 'dist/.made-of';
/** Beside `src`. */
const SETTINGS = [
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'scripts/bundle.mjs',
  'scripts/source-map-lines.mjs',
  'docs/openapi.json',
];
const COMPILER = ['node_modules/@nestjs/cli', 'node_modules/typescript', 'node_modules/esbuild'];
const OLDEST_NODE = [22, 19];

function files(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return files(path);
      return path.endsWith('.spec.ts') ? [] : [path];
    });
}

/** Paths and versions of what is installed: all of the lock file that a build can depend on. */
function installed() {
  if (!existsSync('package-lock.json')) return '';
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  return JSON.stringify(
    Object.entries(packages)
      .filter(([path]) => path !== '')
      .map(([path, { version }]) => `${path}@${version}`)
      .sort(),
  );
}

function madeOf() {
  const hash = createHash('sha256').update(installed());
  for (const path of [...SETTINGS.filter((name) => existsSync(name)), ...files('src')]) {
    const text = readFileSync(path);
    hash.update(`\0${path}\0${text.length}\0`).update(text);
  }
  return `${hash.digest('hex')}\n`;
}

function end(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function isNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

function build() {
  process.stderr.write('Building (once, about 10 seconds)...\n');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  process.exit(status === null ? 1 : status);
}

if (!isNewEnough()) {
  end(
    `Tollgate needs Node ${OLDEST_NODE.join('.')} or newer, and this is ${process.versions.node}: install Node 24 ` +
      '(https://nodejs.org), or on Linux run npm ci without --omit=optional, which brings it.',
  );
}

const built = existsSync(MAIN);
if (process.argv.includes('--record')) {
  writeFileSync(NOTE, madeOf());
} else if (existsSync('src')) {
  const upToDate = built && existsSync(NOTE) && readFileSync(NOTE, 'utf8') === madeOf();
  if (!upToDate && COMPILER.every((path) => existsSync(path))) build();
  if (!upToDate && !built) {
    end('Nothing is built, and there is no compiler here: run npm ci && npm run build first.');
  }
  if (!upToDate) {
    process.stderr.write(
      'Running what was built, though it was made of other sources: there is no compiler here.\n',
    );
  }
} else if (!built) {
  // A production image has no sources: what is built is what runs.
  end('Neither sources nor anything built is here.');
}
