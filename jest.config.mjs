/** All rings in one run: unit specs beside the code, database, HTTP and contract rings under test/. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts', '**/*.contract-spec.ts', '**/*.db-spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  setupFiles: ['<rootDir>/test/support/preload.mjs'],
  // A bound, not a measure: on a machine that does other work a property test took twenty times as long as alone.
  testTimeout: 60_000,
  maxWorkers: 2,
  // Every file leaves its modules behind, and a heap of a gigabyte costs more in collections than a new worker.
  workerIdleMemoryLimit: '400MB',
  reporters: [
    'default',
    '<rootDir>/test/support/conformance-reporter.mjs',
    '<rootDir>/test/support/count-reporter.mjs',
  ],
};
