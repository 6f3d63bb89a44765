import type { CatalogueConfig, UpstreamConfig } from './app-config.js';
import type { Environment } from './env.schema.js';
import { sandboxModels } from './sandbox-models.js';
import { upstreamTimeouts } from './upstream-timeouts.js';
import { UPSTREAM_PRESETS } from './upstream-presets.js';

const SANDBOX = 'sandbox';

/** The catalogue without a file: the sandbox, and every upstream that the environment reveals. */
export function catalogueFromEnvironment(environment: Environment): CatalogueConfig {
  const common = {
    maxConnections: environment.UPSTREAM_MAX_CONNECTIONS,
    timeouts: upstreamTimeouts(environment),
  };
  const upstreams: UpstreamConfig[] = [
    {
      ...common,
      name: SANDBOX,
      protocol: 'sandbox',
      baseUrl: undefined,
      apiKey: undefined,
      discover: false,
      discoveredPricing: undefined,
    },
  ];
  for (const preset of UPSTREAM_PRESETS) {
    const apiKey = environment[preset.apiKeyVariable];
    if (apiKey === undefined) continue;
    const baseUrl = preset.baseUrlVariable === undefined ? undefined : environment[preset.baseUrlVariable];
    upstreams.push({
      ...common,
      name: preset.name,
      protocol: preset.protocol,
      baseUrl: baseUrl ?? preset.baseUrl,
      apiKey,
      discover: true,
      discoveredPricing: undefined,
      priceProvider: preset.priceProvider,
    });
  }
  if (environment.OLLAMA_BASE_URL !== undefined) {
    upstreams.push({
      ...common,
      name: 'ollama',
      protocol: 'openai',
      baseUrl: withV1(environment.OLLAMA_BASE_URL),
      apiKey: undefined,
      discover: true,
      // The operator's own machine: what it costs is not a matter of tokens.
      discoveredPricing: { prompt: '0', completion: '0' },
    });
  }
  if (environment.UPSTREAM_BASE_URL !== undefined) {
    upstreams.push({
      ...common,
      name: 'local',
      protocol: 'openai',
      baseUrl: environment.UPSTREAM_BASE_URL,
      apiKey: environment.UPSTREAM_API_KEY,
      discover: true,
      discoveredPricing: environment.UPSTREAM_PRICING,
    });
  }
  return { upstreams, models: sandboxModels(SANDBOX) };
}

/** Ollama is usually named by its root; its OpenAI wire is under `/v1`. */
function withV1(baseUrl: string): string {
  return baseUrl.endsWith('/v1') ? baseUrl : `${baseUrl}/v1`;
}
