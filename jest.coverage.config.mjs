/**
 * How much of the code is reached by units, the database ring and a walk over HTTP: enough to see what nobody tests.
 * Takes some six minutes of CPU. Jest's own runner and V8's counters, whatever runs the other rings: they are what reads
 * the compiled text back to lines of `src/`. The floor lies a little under what was measured; raise it when that rises.
 */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: [
    '**/src/**/*.spec.ts',
    '**/test/db/*.db-spec.ts',
    '**/test/e2e/{admin-*,ai-sdk-adapter-*,chatbot-turns,chatbots-admin,contract-*,conversations-api*}.e2e-spec.ts',
    '**/test/e2e/{credits*,idempotency,openai-adapter*,openapi-document,self-service,smoke,stored-completions}.e2e-spec.ts',
    '**/test/e2e/{stream-delivery,webhooks}.e2e-spec.ts',
  ],
  // Counting makes these many times slower, and others reach the same code.
  testPathIgnorePatterns: [
    '/node_modules/',
    'token-counter\\.spec',
    'sandbox-turns\\.spec',
    'synthesise\\.spec',
    'contract-fuzz',
  ],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  setupFiles: ['<rootDir>/test/support/preload.mjs'],
  testTimeout: 120_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: '400MB',
  reporters: ['default', '<rootDir>/test/support/count-reporter.mjs'],
  collectCoverage: true,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts'],
  coverageReporters: ['text-summary', 'json-summary', 'html'],
  coverageThreshold: { global: { lines: 90, branches: 90, functions: 92 } },
};
