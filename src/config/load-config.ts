import { isUtf8 } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AppConfig, CatalogueConfig, WebhookConfig } from './app-config.js';
import { parseCatalogueFile } from './catalogue-file.js';
import { ConfigError } from './config.errors.js';
import { deepFreeze } from './deep-freeze.js';
import { parseEnvironment, type Variables } from './env.parse.js';
import type { Environment } from './env.schema.js';
import { catalogueFromEnvironment } from './environment-catalogue.js';

const DEFAULT_CONFIG_FILE = 'tollgate.yaml';
const ENV_FILE = '.env';

/**
 * The process's own environment, with what `./.env` adds to it: a variable that is set already keeps its value. The
 * only reader of `process.env`, beside `called-as.ts`, which reads what npm leaves there.
 */
export function processVariables(): Variables {
  if (existsSync(ENV_FILE)) process.loadEnvFile(ENV_FILE);
  return process.env;
}

/**
 * Everything an operator can set, read once and frozen.
 *
 * @param cwd where relative paths start
 * @throws ConfigError with all faults of variables and file
 */
export function loadConfig(variables: Variables = processVariables(), cwd = process.cwd()): AppConfig {
  const { environment, faults } = parseEnvironment(variables);
  const configFile = findConfigFile(environment.CONFIG_FILE, cwd);
  const read = readCatalogue(configFile, environment, variables);
  const allFaults = [...faults, ...read.faults];
  if (allFaults.length > 0) throw new ConfigError(allFaults);
  return deepFreeze(toAppConfig(environment, cwd, configFile, read.catalogue));
}

/**
 * Reads the catalogue again from where `config` came from; the rest of the configuration stays as it is. On an error
 * the caller goes on with what it has.
 *
 * @throws ConfigError with all faults
 */
export function reloadCatalogue(
  config: Pick<AppConfig, 'configFile'>,
  variables: Variables = processVariables(),
): CatalogueConfig {
  const { environment, faults } = parseEnvironment(variables);
  const read = readCatalogue(config.configFile, environment, variables);
  const allFaults = [...faults, ...read.faults];
  if (allFaults.length > 0) throw new ConfigError(allFaults);
  return deepFreeze(read.catalogue);
}

function findConfigFile(named: string | undefined, cwd: string): string | undefined {
  if (named !== undefined) return resolve(cwd, named);
  const usual = resolve(cwd, DEFAULT_CONFIG_FILE);
  return existsSync(usual) ? usual : undefined;
}

function readCatalogue(
  configFile: string | undefined,
  environment: Environment,
  variables: Variables,
): { catalogue: CatalogueConfig; faults: string[] } {
  if (configFile === undefined) return { catalogue: catalogueFromEnvironment(environment), faults: [] };
  const refused = (why: string) => ({
    catalogue: { upstreams: [], models: [] },
    faults: [`${configFile} cannot be read (${why})`],
  });
  let bytes: Buffer;
  try {
    bytes = readFileSync(configFile);
  } catch (error) {
    return refused((error as NodeJS.ErrnoException).code ?? 'unreadable');
  }
  if (!isUtf8(bytes)) return refused('it is not UTF-8; save it as such');
  return parseCatalogueFile({ name: configFile, text: bytes.toString(), variables, environment });
}

function toAppConfig(
  environment: Environment,
  cwd: string,
  configFile: string | undefined,
  catalogue: CatalogueConfig,
): AppConfig {
  return {
    server: {
      host: environment.HOST,
      port: environment.PORT,
      maxBodyBytes: environment.MAX_BODY_BYTES,
      maxConnections: environment.MAX_CONNECTIONS,
      corsOrigins: environment.CORS_ORIGINS,
      drainTimeoutMs: environment.DRAIN_TIMEOUT_MS,
      trustedProxyHops: environment.TRUSTED_PROXY_HOPS,
      pidFile: environment.PID_FILE === undefined ? undefined : resolve(cwd, environment.PID_FILE),
    },
    stream: {
      heartbeatMs: environment.HEARTBEAT_MS,
      writeStallMs: environment.WRITE_STALL_MS,
      headersHoldMs: environment.HEADERS_HOLD_MS ?? defaultHeadersHoldMs(environment, catalogue),
      leftStreamReadMs: environment.LEFT_STREAM_READ_MS,
    },
    storage: {
      dataDir: resolve(cwd, environment.DATA_DIR),
      databaseUrl: environment.DATABASE_URL,
      processDeadAfterMs: environment.PROCESS_DEAD_AFTER_MS,
      redisUrl: environment.REDIS_URL,
      conversationKeys: environment.CONVERSATION_KEYS,
      defaultLimits: {
        storedBytes: environment.DEFAULT_MAX_STORED_BYTES,
        conversations: environment.DEFAULT_MAX_CONVERSATIONS,
        storedCompletions: environment.DEFAULT_MAX_STORED_COMPLETIONS,
        chatbots: environment.DEFAULT_MAX_CHATBOTS,
        chatbotVersions: environment.DEFAULT_MAX_CHATBOT_VERSIONS,
        keptAnswerBytes: environment.DEFAULT_MAX_KEPT_ANSWER_BYTES,
      },
    },
    access: {
      adminKey: environment.ADMIN_KEY,
      bootstrapApiKey: environment.BOOTSTRAP_API_KEY,
      bootstrapCreditHundredths: environment.BOOTSTRAP_CREDITS,
      defaultRequestsPerMinute: environment.DEFAULT_RPM,
      defaultTokensPerMinute: environment.DEFAULT_TPM,
      failedAuthPerMinute: environment.AUTH_FAILURES_PER_MINUTE,
      keyCacheTtlMs: environment.KEY_CACHE_TTL_MS,
    },
    money: { creditNanoUsd: environment.CREDIT_USD },
    webhooks: webhooksOf(environment),
    log: {
      level: environment.LOG_LEVEL,
      format: environment.LOG_FORMAT,
      coloured: environment.NO_COLOR === undefined,
    },
    catalogue,
    configFile,
  };
}

function webhooksOf(environment: Environment): WebhookConfig | undefined {
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, LOW_BALANCE_CREDITS: lowBalanceHundredths } = environment;
  return url === undefined || secret === undefined ? undefined : { url, secret, lowBalanceHundredths };
}

/** From the end of an upstream's time to the status that tells of it: the attempt is recorded first. */
const HOLD_SLACK_MS = 10_000;

/** Outlasts every upstream's own deadline, so that running out of time is a status on streams, too. */
function defaultHeadersHoldMs(environment: Environment, { upstreams }: CatalogueConfig): number {
  const deadlinesMs = upstreams.map(({ timeouts }) => timeouts.totalMs);
  return Math.max(environment.UPSTREAM_TIMEOUT_MS, ...deadlinesMs) + HOLD_SLACK_MS;
}
