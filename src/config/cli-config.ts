import { resolve } from 'node:path';
import { ConfigError } from './config.errors.js';
import { parseEnvironment, type Variables } from './env.parse.js';
import { processVariables } from './load-config.js';

/** What the command line tool needs to know of where it works. */
export interface CliConfig {
  /** Address of the running server, without a trailing slash. */
  readonly url: string;
  /** Secret; `undefined`: not set. */
  readonly adminKey: string | undefined;
}

/**
 * Reads the tool's own variables; faults of the server's do not concern it.
 *
 * @throws ConfigError
 */
export function loadCliConfig(variables: Variables = processVariables()): CliConfig {
  const { ADMIN_KEY, TOLLGATE_URL } = variables;
  const { environment, faults } = parseEnvironment({ ADMIN_KEY, TOLLGATE_URL });
  if (faults.length > 0) throw new ConfigError(faults);
  return { url: environment.TOLLGATE_URL, adminKey: environment.ADMIN_KEY };
}

/** Where a server that is started here keeps its data. */
export interface DataPlace {
  /** Absolute. */
  readonly dataDir: string;
  /** `postgres://…`, secret; `undefined`: SQLite in `dataDir`. */
  readonly databaseUrl: string | undefined;
}

/**
 * As `loadCliConfig`, for commands that work on the database itself.
 *
 * @throws ConfigError
 */
export function loadDataPlace(variables: Variables = processVariables(), cwd = process.cwd()): DataPlace {
  const { DATA_DIR, DATABASE_URL } = variables;
  const { environment, faults } = parseEnvironment({ DATA_DIR, DATABASE_URL });
  if (faults.length > 0) throw new ConfigError(faults);
  return { dataDir: resolve(cwd, environment.DATA_DIR), databaseUrl: environment.DATABASE_URL };
}
