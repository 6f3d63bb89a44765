// What texts refer to exists. Each code that a test, a comment or a page uses has its row in docs/failure-matrix.md, or in
// docs/conformance.md for a numbered case; each row of the matrix is used; each file that a page names is there (decisions
// may name what was). Part of `npm run deps`.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const MATRIX = 'docs/failure-matrix.md';
const CASES_PAGE = 'docs/conformance.md';
const PLACES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs', 'src', 'test', 'bench', 'scripts'];
const TEXTS = /\.(ts|mjs|md)$/;

/** `U24`, and in words `case 12`, `cases 29, 64`; but not the `case 12:` of a switch, which begins a line. */
const CODE = /(?<![\w%&=#.-])([UKDPISC][1-9]\d?)(?![\w%-])/g;
const CASES = /(?<!^\s*)\b[Cc]ases? (\d+(?:(?:, | and )\d+)*)\b/gm;

/** `src/main.ts`, `scripts/`; not `src/**`. */
const PATH = /`((?:src|test|docs|scripts|bench|bin)\/[\w./-]*)`/g;
const HISTORY = /^docs\/adr\//;

const matrix = new Set(columnOf(MATRIX, /^\| ([UKDPISC]\d+) +\|/gm));
const cases = new Set(columnOf(CASES_PAGE, /^\| (\d+) \|/gm).map((number) => `case ${number}`));
const used = new Map();
const missing = [];
for (const path of PLACES.flatMap(textsIn)) {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.md') && !HISTORY.test(path)) {
    for (const [, named] of text.matchAll(PATH)) {
      if (!existsSync(named)) missing.push(`${path}: there is no ${named}`);
    }
  }
  for (const [code] of text.matchAll(CODE)) used.set(code, path);
  for (const [, numbers] of text.matchAll(CASES)) {
    for (const number of numbers.split(/, | and /)) used.set(`case ${number}`, path);
  }
}

const complaints = [
  ...missing,
  ...[...used]
    .filter(([code]) => !matrix.has(code) && !cases.has(code))
    .map(([code, path]) => `${path}: ${code} has no row in ${code.startsWith('case') ? CASES_PAGE : MATRIX}`),
  ...[...matrix].filter((code) => !used.has(code)).map((code) => `${MATRIX}: nothing uses ${code}`),
];
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;

function columnOf(page, row) {
  return [...readFileSync(page, 'utf8').matchAll(row)].map(([, code]) => code);
}

function textsIn(place) {
  if (statSync(place, { throwIfNoEntry: false })?.isFile()) return [place];
  return readdirSync(place, { recursive: true })
    .filter((name) => TEXTS.test(name))
    .map((name) => join(place, name))
    .filter((path) => path !== MATRIX);
}
