import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** What `npm run conformance` reads. */
export const OUTCOMES = 'node_modules/.cache/outcomes.json';

/**
 * Keeps the outcome of each test of the last complete run. A part of the tests, or a suite that could not even start,
 * says nothing about what was left out.
 */
export default class OutcomesReporter {
  constructor(globalConfig) {
    this.config = globalConfig;
  }

  onRunComplete(contexts, results) {
    if (!isComplete(this.config, contexts, results)) return;
    const { rootDir } = this.config;
    const outcomes = results.testResults.flatMap(({ testFilePath, testResults }) =>
      testResults.map(({ ancestorTitles, title, status }) => ({
        file: relative(rootDir, testFilePath),
        ancestors: ancestorTitles,
        title,
        status,
      })),
    );
    const path = join(rootDir, OUTCOMES);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(outcomes));
  }
}

function isComplete(config, contexts, results) {
  const chosen =
    contexts.size < config.projects.length ||
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
