import {
  PRICED_TIERS,
  type CatalogueConfig,
  type ModelConfig,
  type PricingConfig,
  type RouteConfig,
  type TokenPricing,
  type UpstreamConfig,
} from './app-config.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { nearestWord } from '../common/nearest-word.js';
import { parseBaseUrl } from './base-url.js';
import type { Variables } from './env.parse.js';
import type { Environment } from './env.schema.js';
import { parsePriceProvider } from './price-provider.js';
import { SANDBOX_MODEL_NAMES, sandboxModels } from './sandbox-models.js';
import { isHeaderSafe } from './secret-text.js';
import { parseRequestPrice, parseTokenPrice } from './token-price.js';
import { upstreamTimeouts } from './upstream-timeouts.js';
import { YamlFile, type YamlField, type YamlMap } from './yaml-reader.js';

const PROTOCOLS = ['openai', 'anthropic', 'google', 'sandbox'] as const;
const UPSTREAM_KEYS = [
  'protocol',
  'base_url',
  'api_key',
  'max_connections',
  'timeouts',
  'discover',
  'pricing',
  'price_provider',
];
const MODEL_KEYS = [
  'id',
  'name',
  'description',
  'owned_by',
  'created',
  'context_length',
  'max_completion_tokens',
  'pricing',
  'completions',
  'reasoning',
  'routes',
];

const UPSTREAM_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** Visible ASCII in segments between slashes; none is empty, `.` or `..`, which URLs on their way would lose. */
const MODEL_ID =
  /^(?=.{1,256}$)(?!(?:.*\/)?\.{1,2}(?:\/|$))[\x21-\x2e\x30-\x7e]+(?:\/[\x21-\x2e\x30-\x7e]+)*$/;
const VARIABLE_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const VARIABLE_REFERENCES = /\$\{[^}]*\}?/g;
const LONGEST_TIMER_MS = 2_147_483_647;

export interface CatalogueFile {
  /** The file as messages call it. */
  readonly name: string;
  readonly text: string;
  /** What `${NAME}` stands for. */
  readonly variables: Variables;
  /** Defaults of upstreams. */
  readonly environment: Environment;
}

/**
 * Reads `tollgate.yaml`. Nothing is guessed: an unknown key, a bad value or an unset variable is a fault.
 *
 * @returns the catalogue, usable when `faults` is empty; a fault names file, line and field, and never a value
 * @see docs/configuration.md
 */
export function parseCatalogueFile(source: CatalogueFile): { catalogue: CatalogueConfig; faults: string[] } {
  const file = new YamlFile(source.name, source.text);
  if (!file.isReadable) return { catalogue: { upstreams: [], models: [] }, faults: file.faults };
  const root = file.root.fields(['upstreams', 'models']);
  const written = readUpstreams(root?.get('upstreams'), source);
  const protocols = new Map(written.map(({ name, protocol }) => [name, protocol]));
  const models = readModels(root?.find('models'), protocols);
  const routed = new Set(models.flatMap(({ routes }) => routes.map(({ upstream }) => upstream)));
  const upstreams = written.map((upstream) => ({
    ...upstream,
    discover: upstream.discover ?? (upstream.protocol !== 'sandbox' && !routed.has(upstream.name)),
  }));
  return {
    catalogue: { upstreams, models: [...models, ...unwrittenSandboxModels(upstreams, models)] },
    faults: file.faults,
  };
}

/** By name of upstream. */
type Protocols = ReadonlyMap<string, UpstreamConfig['protocol']>;
type WrittenUpstream = Omit<UpstreamConfig, 'discover'> & { readonly discover: boolean | undefined };

function readUpstreams(field: YamlField | undefined, source: CatalogueFile): WrittenUpstream[] {
  const entries = [...(field?.entries() ?? [])];
  if (field !== undefined && entries.length === 0) field.fault('must name at least one upstream');
  return entries.flatMap(([name, entry]) => {
    if (!UPSTREAM_NAME.test(name)) entry.fault('a name must be letters, digits, "-" and "_", at most 64');
    return readUpstream(name, entry, source) ?? [];
  });
}

function readUpstream(name: string, field: YamlField, source: CatalogueFile): WrittenUpstream | undefined {
  const map = field.fields(UPSTREAM_KEYS);
  if (map === undefined) return undefined;
  const protocol = map.get('protocol')?.word(PROTOCOLS);
  // The other two know their vendor's address; the sandbox has none.
  const baseUrl = protocol === 'openai' ? map.get('base_url') : map.find('base_url');
  if (protocol === 'sandbox') {
    for (const key of ['base_url', 'api_key', 'discover']) {
      map.find(key)?.fault('has no meaning for the sandbox, which is built in');
    }
  }
  const providerField = map.find('price_provider');
  const provider = providerField?.text();
  const priceProvider =
    provider === undefined ? undefined : providerField?.read(provider, parsePriceProvider);
  return {
    name,
    protocol: protocol ?? 'openai',
    baseUrl: baseUrl && readBaseUrl(baseUrl, source.variables),
    apiKey: readApiKey(map.find('api_key'), source.variables),
    maxConnections:
      map.find('max_connections')?.whole({ min: 1 }) ?? source.environment.UPSTREAM_MAX_CONNECTIONS,
    timeouts: readTimeouts(map.find('timeouts'), source.environment),
    discover: map.find('discover')?.flag(),
    discoveredPricing: readPricing(map.find('pricing')),
    ...(priceProvider !== undefined && { priceProvider }),
  };
}

function readTimeouts(field: YamlField | undefined, environment: Environment): UpstreamConfig['timeouts'] {
  const map = field?.fields(['connect_ms', 'first_token_ms', 'idle_ms', 'total_ms']);
  const milliseconds = (key: string) => map?.find(key)?.whole({ min: 1, max: LONGEST_TIMER_MS });
  return upstreamTimeouts(environment, {
    connectMs: milliseconds('connect_ms'),
    firstTokenMs: milliseconds('first_token_ms'),
    betweenChunksMs: milliseconds('idle_ms'),
    totalMs: milliseconds('total_ms'),
  });
}

function readBaseUrl(field: YamlField, variables: Variables): string | undefined {
  const written = field.text();
  if (written === undefined) return undefined;
  let complete = true;
  const text = written.replace(VARIABLE_REFERENCES, (reference: string) => {
    const value = readVariable(field, reference, variables);
    complete &&= value !== undefined;
    return value ?? '';
  });
  return complete ? field.read(text, parseBaseUrl) : undefined;
}

function readApiKey(field: YamlField | undefined, variables: Variables): string | undefined {
  const written = field?.text();
  if (field === undefined || written === undefined) return undefined;
  if (!VARIABLE_REFERENCE.test(written)) {
    field.fault('must name an environment variable, as in "${OPENAI_API_KEY}": no secrets in files');
    return undefined;
  }
  const secret = readVariable(field, written, variables);
  if (secret !== undefined && !isHeaderSafe(secret)) {
    field.fault('the value of its variable must be visible ASCII characters without spaces');
  }
  return secret;
}

/** @param reference `${NAME}` */
function readVariable(field: YamlField, reference: string, variables: Variables): string | undefined {
  const name = VARIABLE_REFERENCE.exec(reference)?.[1];
  if (name === undefined) {
    field.fault('has a ${…} that is no name of an environment variable');
    return undefined;
  }
  const value = Object.hasOwn(variables, name) ? variables[name]?.trim() : undefined;
  if (value !== undefined && value !== '') return value;
  field.fault(`needs the environment variable ${name}, which is not set`);
  return undefined;
}

function readModels(field: YamlField | undefined, protocols: Protocols): ModelConfig[] {
  const seen = new Set<string>();
  return (field?.items() ?? []).flatMap((item) => {
    const model = readModel(item, protocols);
    if (model === undefined) return [];
    if (seen.has(model.id)) item.fault('has the id of a model above');
    seen.add(model.id);
    return model;
  });
}

function readModel(field: YamlField, protocols: Protocols): ModelConfig | undefined {
  const map = field.fields(MODEL_KEYS);
  if (map === undefined) return undefined;
  const idField = map.get('id');
  const id = idField?.text();
  if (idField !== undefined && id !== undefined && !MODEL_ID.test(id)) {
    idField.fault('must be 1 to 256 visible ASCII characters, without empty or dotted parts between slashes');
  }
  if (id !== undefined && isChatbotId(id)) idField?.fault('is how chatbots are called; choose another');
  const contextLength = map.find('context_length')?.whole({ min: 1 }) ?? 0;
  const maxField = map.find('max_completion_tokens');
  const maxCompletionTokens = maxField?.whole({ min: 1 }) ?? 0;
  if (contextLength > 0 && maxCompletionTokens > contextLength) {
    maxField?.fault('must not be above context_length');
  }
  const routes = readRoutes(map.get('routes'), protocols);
  if (id === undefined) return undefined;
  return {
    id,
    name: map.find('name')?.text() ?? id,
    description: map.find('description')?.text() ?? '',
    ownedBy: map.find('owned_by')?.text() ?? '',
    created: map.find('created')?.whole({ min: 0 }) ?? 0,
    contextLength,
    maxCompletionTokens,
    pricing: readPricing(map.find('pricing')),
    completions: map.find('completions')?.word(['native', 'chat']) ?? 'chat',
    reasoning: map.find('reasoning')?.flag(),
    routes,
  };
}

function readRoutes(field: YamlField | undefined, protocols: Protocols): RouteConfig[] {
  const items = field?.items();
  if (items?.length === 0) field?.fault('must have at least one route');
  const seen = new Set<string>();
  return (items ?? []).flatMap((item) => {
    const map = item.fields(['upstream', 'model', 'priority', 'weight']);
    const upstreamField = map?.get('upstream');
    const upstream = upstreamField?.text();
    const modelField = map?.get('model');
    const model = modelField?.text();
    const priority = map?.find('priority')?.whole({ min: 0 }) ?? 1;
    const weight = map?.find('weight')?.whole({ min: 1, max: 1_000_000 }) ?? 1;
    if (upstream === undefined || model === undefined) return [];
    const protocol = protocols.get(upstream);
    if (protocol === undefined) {
      upstreamField?.fault(`names no upstream of this file${didYouMean(upstream, [...protocols.keys()])}`);
    }
    if (protocol === 'sandbox' && !SANDBOX_MODEL_NAMES.includes(model)) {
      const meant = didYouMean(model.replace(/^sandbox\//, ''), SANDBOX_MODEL_NAMES);
      modelField?.fault(
        `names no model of the sandbox${meant || `; it has ${SANDBOX_MODEL_NAMES.join(', ')}`}`,
      );
    }
    const pair = JSON.stringify([upstream, model]);
    if (seen.has(pair)) item.fault('is the same route as one above');
    seen.add(pair);
    return { upstream, model, priority, weight };
  });
}

const TOKEN_PRICES = ['prompt', 'completion', 'cached_prompt', 'audio_prompt', 'audio_completion'];

function readPricing(field: YamlField | undefined): PricingConfig | undefined {
  const map = field?.fields([...TOKEN_PRICES, 'web_search', 'tiers']);
  const tokens = map && readTokenPricing(map);
  const webSearch = map?.find('web_search')?.decimal(parseRequestPrice);
  const tiers = map?.find('tiers')?.fields(PRICED_TIERS);
  const priced = PRICED_TIERS.flatMap((tier) => {
    const own = tiers?.find(tier)?.fields(TOKEN_PRICES);
    const pricing = own && readTokenPricing(own);
    return pricing === undefined ? [] : [[tier, pricing] as const];
  });
  return (
    tokens && {
      ...tokens,
      ...(webSearch !== undefined && { webSearch }),
      ...(priced.length > 0 && { tiers: Object.fromEntries(priced) }),
    }
  );
}

function readTokenPricing(map: YamlMap): TokenPricing | undefined {
  const prompt = map.get('prompt')?.decimal(parseTokenPrice);
  const completion = map.get('completion')?.decimal(parseTokenPrice);
  const cachedPrompt = map.find('cached_prompt')?.decimal(parseTokenPrice);
  const audioPrompt = map.find('audio_prompt')?.decimal(parseTokenPrice);
  const audioCompletion = map.find('audio_completion')?.decimal(parseTokenPrice);
  if (prompt === undefined || completion === undefined) return undefined;
  return {
    prompt,
    completion,
    cachedPrompt,
    ...(audioPrompt !== undefined && { audioPrompt }),
    ...(audioCompletion !== undefined && { audioCompletion }),
  };
}

/** Behind a refusal; empty where no word is near. */
function didYouMean(text: string, words: readonly string[]): string {
  const meant = nearestWord(text, words);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}

/** A file that has a sandbox upstream has its models too, those left out that it writes itself. */
function unwrittenSandboxModels(
  upstreams: readonly UpstreamConfig[],
  models: readonly ModelConfig[],
): ModelConfig[] {
  const sandbox = upstreams.find(({ protocol }) => protocol === 'sandbox');
  if (sandbox === undefined) return [];
  const written = new Set(models.map(({ id }) => id));
  return sandboxModels(sandbox.name).filter(({ id }) => !written.has(id));
}
