// docs/conformance.md, from what the tests said at the last complete `npm test`.
//
//   conformance.mjs --write   writes the page
//   conformance.mjs --check   compares it, and says so when it differs
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { CONFORMANCE_SECTIONS } from '../test/support/conformance-cases.ts';
import { toConformancePage } from '../test/support/conformance-page.ts';
import { readOutcomes } from '../test/support/conformance-results.ts';
import { OUTCOMES } from '../test/support/outcomes-reporter.mjs';

const PAGE = 'docs/conformance.md';

function end(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

if (!existsSync(OUTCOMES)) end('Run npm test first, without a choice of tests.');
const page = toConformancePage(
  readOutcomes(JSON.parse(readFileSync(OUTCOMES, 'utf8'))),
  CONFORMANCE_SECTIONS,
  (folder) => JSON.parse(readFileSync(join('node_modules', folder, 'package.json'), 'utf8')),
);
const isUpToDate = existsSync(PAGE) && readFileSync(PAGE, 'utf8') === page;
if (process.argv.includes('--write')) {
  if (!isUpToDate) writeFileSync(PAGE, page);
} else if (!isUpToDate) {
  end(`${PAGE} differs from what the tests say: npm test && npm run conformance writes it.`);
}
