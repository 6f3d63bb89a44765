import rings from './jest.config.mjs';

/**
 * The ring of expensive bodies, apart from the others: it measures the built program alone on the machine. The
 * `test:bodies` script builds it first.
 */
export default {
  ...rings,
  roots: ['<rootDir>/test/bodies'],
  testMatch: ['**/*.bodies-spec.ts'],
  testTimeout: 900_000,
  reporters: ['default', '<rootDir>/test/support/count-reporter.mjs'],
};
