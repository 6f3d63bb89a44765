import type {
  AppConfig,
  CatalogueConfig,
  ModelConfig,
  RouteConfig,
  UpstreamConfig,
} from '../../src/config/app-config.js';

/** Configured things with sensible defaults, for tests; override what the test is about. */
export function anUpstream(over: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return {
    name: 'main',
    protocol: 'openai',
    baseUrl: 'http://127.0.0.1:9101/v1',
    apiKey: undefined,
    maxConnections: 16,
    timeouts: { connectMs: 5_000, firstTokenMs: 10_000, betweenChunksMs: 10_000, totalMs: 10_000 },
    discover: false,
    discoveredPricing: undefined,
    ...over,
  };
}

export function aRoute(upstream = 'main', model = 'm-1'): RouteConfig {
  return { upstream, model, priority: 1, weight: 1 };
}

/** Model `m`, priced as Qolaba's published sample, routed to `m-1` at upstream `main`. */
export function aModel(over: Partial<ModelConfig> = {}): ModelConfig {
  return {
    id: 'm',
    name: 'M',
    description: '',
    ownedBy: '',
    created: 0,
    contextLength: 0,
    maxCompletionTokens: 0,
    pricing: { prompt: '0.0000003', completion: '0.0000025' },
    completions: 'chat',
    routes: [aRoute()],
    ...over,
  };
}

/** A whole configuration with the catalogue given and the rest as by default. */
export function anAppConfig(catalogue: CatalogueConfig): AppConfig {
  return {
    server: {
      host: '127.0.0.1',
      port: 0,
      maxBodyBytes: 20 * 2 ** 20,
      maxConnections: 10_000,
      corsOrigins: ['*'],
      drainTimeoutMs: 1_000,
      pidFile: undefined,
      trustedProxyHops: 0,
    },
    stream: { heartbeatMs: 15_000, writeStallMs: 60_000, headersHoldMs: 10_000, leftStreamReadMs: 10_000 },
    storage: {
      dataDir: './data',
      databaseUrl: undefined,
      processDeadAfterMs: 30_000,
      redisUrl: undefined,
      conversationKeys: [],
      defaultLimits: {
        storedBytes: 2 ** 28,
        conversations: 10_000,
        storedCompletions: 10_000,
        chatbots: 1_000,
        chatbotVersions: 100,
        keptAnswerBytes: 2 ** 30,
      },
    },
    access: {
      adminKey: undefined,
      bootstrapApiKey: undefined,
      bootstrapCreditHundredths: 100_000n,
      defaultRequestsPerMinute: 6_000,
      defaultTokensPerMinute: 10_000_000,
      failedAuthPerMinute: 60,
      keyCacheTtlMs: 5_000,
    },
    money: { creditNanoUsd: 5_000_000n },
    webhooks: undefined,
    log: { level: 'silent', format: 'json', coloured: false },
    catalogue,
    configFile: undefined,
  };
}
