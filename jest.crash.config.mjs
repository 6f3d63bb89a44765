import rings from './jest.config.mjs';

/**
 * The crash ring, apart from the others: minutes of real processes that are killed. It runs the built program; the
 * `test:crash` script builds it first.
 */
export default {
  ...rings,
  roots: ['<rootDir>/test/crash'],
  testMatch: ['**/*.crash-spec.ts'],
  testTimeout: 180_000,
  reporters: ['default', '<rootDir>/test/support/count-reporter.mjs'],
};
