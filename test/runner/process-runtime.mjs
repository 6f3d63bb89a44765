import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import Runtime from 'jest-runtime';
import { sourceMaps } from '../db/fixtures/run-typescript.mjs';
import { setGlobals } from './globals.mjs';

const require = createRequire(import.meta.url);
const GLOBALS = new URL('globals.mjs', import.meta.url).href;

/** Where Jest's test framework keeps who listens to its events, for whoever loads it next. */
const EVENT_HANDLERS = Symbol.for('EVENT_HANDLERS');
const FRAMEWORK_STATE = 'JEST_STATE_SYMBOL';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@jest/globals'
      ? { url: GLOBALS, format: 'module', shortCircuit: true }
      : next(specifier, context),
});

/**
 * Runs test files as modules of the process that they run in, so that it reads what they import once and not once a
 * file. See docs/adr/0024-modules-once-a-process.md.
 */
export default class ProcessRuntime extends Runtime {
  #jest;

  constructor(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig) {
    if (globalConfig.watch || globalConfig.watchAll) {
      throw new Error(
        'A process reads every module once, so there is nothing to watch: run the command again',
      );
    }
    super(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig);
    this.#jest = this.jestGlobals.jestObjectFor(testPath);
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  async unstable_importModule(path) {
    await import(pathToFileURL(path).href);
  }

  /** The test framework, which keeps the tests of one file: each file gets its own. */
  requireInternalModule(path) {
    delete require.cache[path];
    return require(path);
  }

  setGlobalsForRuntime(globals) {
    setGlobals({ ...globals, jest: this.#jest });
  }

  /** It is the process's own. */
  installGetBuiltinModule() {}

  getSourceMaps() {
    return sourceMaps;
  }

  teardown() {
    super.teardown();
    delete globalThis[EVENT_HANDLERS];
    for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
      if (symbol.description === FRAMEWORK_STATE) delete globalThis[symbol];
    }
  }
}
