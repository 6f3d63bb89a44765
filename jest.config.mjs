/**
 * Every test file is a module of the process that runs it, and so are those it imports, which are read once a process:
 * docs/adr/0024-modules-once-a-process.md.
 */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: '<rootDir>/test/runner/process-environment.mjs',
  runtime: '<rootDir>/test/runner/process-runtime.mjs',
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json'],
  transform: {},
  injectGlobals: false,
};

/** One ring of tests as a project, which `--selectProjects` runs by its name. */
export const ring = (displayName, folders, testMatch) => ({
  ...shared,
  displayName,
  roots: folders.map((folder) => `<rootDir>/${folder}`),
  testMatch: [testMatch],
});

/** What all runs have in common, whatever rings they are of. */
export const run = {
  // A bound, not a measure: on a machine that does other work a property test took twenty times as long as alone.
  testTimeout: 60_000,
  maxWorkers: '100%',
  // Files leave their modules behind, and collections of a large heap cost more than a new worker.
  workerIdleMemoryLimit: '800MB',
  reporters: ['default', '<rootDir>/test/support/count-reporter.mjs'],
};

/** The rings that need no build and no machine of their own. */
export default {
  ...run,
  projects: [
    ring('unit', ['src', 'test/support'], '**/*.spec.ts'),
    ring('contract', ['test/contract'], '**/*.contract-spec.ts'),
    ring('db', ['test/db'], '**/*.db-spec.ts'),
    ring('e2e', ['test/e2e'], '**/*.e2e-spec.ts'),
  ],
  reporters: [...run.reporters, '<rootDir>/test/support/outcomes-reporter.mjs'],
};
