import { ring, run } from './jest.config.mjs';

/**
 * The ring of expensive bodies, apart from the others: it measures the built program alone on the machine. The
 * `test:bodies` script builds it first.
 */
export default {
  ...run,
  testTimeout: 900_000,
  projects: [ring('bodies', ['test/bodies'], '**/*.bodies-spec.ts')],
};
