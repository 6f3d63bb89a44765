import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { CONFORMANCE_SECTIONS } from './conformance-cases.ts';
import { toConformancePage } from './conformance-page.ts';
import { readOutcomes } from './conformance-results.ts';

/**
 * Writes docs/conformance.md after a run of the complete suite. A part of it, or a suite that could not even start, says
 * nothing about what was left out, so the page stays as it is then.
 */
export default class ConformanceReporter {
  constructor(globalConfig) {
    this.config = globalConfig;
  }

  onRunComplete(_contexts, results) {
    if (!isComplete(this.config, results)) return;
    const outcomes = results.testResults.flatMap(({ testFilePath, testResults }) =>
      testResults.map(({ ancestorTitles, title, status }) => ({
        file: relative(this.config.rootDir, testFilePath),
        ancestors: ancestorTitles,
        title,
        status,
      })),
    );
    const page = toConformancePage(readOutcomes(outcomes), CONFORMANCE_SECTIONS, (folder) =>
      JSON.parse(readFileSync(join(this.config.rootDir, 'node_modules', folder, 'package.json'), 'utf8')),
    );
    const path = join(this.config.rootDir, 'docs', 'conformance.md');
    if (page !== readIfThere(path)) writeFileSync(path, page);
  }
}

function isComplete(config, results) {
  const chosen =
    config.testPathPatterns.isSet() ||
    config.testNamePattern ||
    config.onlyChanged ||
    config.onlyFailures ||
    config.findRelatedTests ||
    config.runTestsByPath ||
    config.filter ||
    config.shard;
  const broken =
    results.wasInterrupted ||
    results.numRuntimeErrorTestSuites > 0 ||
    results.testResults.length < results.numTotalTestSuites;
  return !chosen && !broken;
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
