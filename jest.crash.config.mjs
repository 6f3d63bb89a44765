import { ring, run } from './jest.config.mjs';

/**
 * The crash ring, apart from the others: minutes of real processes that are killed. It runs the built program; the
 * `test:crash` script builds it first.
 */
export default {
  ...run,
  globalSetup: '<rootDir>/test/crash/fixtures/bundle.mjs',
  testTimeout: 180_000,
  projects: [ring('crash', ['test/crash'], '**/*.crash-spec.ts')],
};
