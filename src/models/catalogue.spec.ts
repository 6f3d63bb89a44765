import { describe, expect, it } from '@jest/globals';
import type { CatalogueConfig, ModelConfig, UpstreamConfig } from '../config/app-config.js';
import { buildCatalogue } from './catalogue.js';
import type { DiscoveredModel } from './discovered-model.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');

function upstream(over: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return {
    name: 'main',
    protocol: 'openai',
    baseUrl: 'http://127.0.0.1:9101/v1',
    apiKey: undefined,
    maxConnections: 1,
    timeouts: { connectMs: 1, firstTokenMs: 1, betweenChunksMs: 1, totalMs: 1 },
    discover: false,
    discoveredPricing: undefined,
    ...over,
  };
}

function model(over: Partial<ModelConfig> = {}): ModelConfig {
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
    routes: [route()],
    ...over,
  };
}

const route = (upstreamName = 'main', upstreamModel = 'm-1') => ({
  upstream: upstreamName,
  model: upstreamModel,
  priority: 1,
  weight: 1,
});

function build(
  config: Partial<CatalogueConfig>,
  discovered: Record<string, DiscoveredModel[]> = {},
  nowMs = NOW,
) {
  return buildCatalogue(
    { upstreams: [upstream()], models: [], ...config },
    new Map(Object.entries(discovered)),
    nowMs,
  );
}

const openai = upstream({ name: 'openai', baseUrl: 'https://api.openai.com/v1', discover: true });

describe('written prices', () => {
  it('win over the price table', () => {
    const { models } = build({ models: [model({ id: 'openai/gpt-4o-mini' })] });
    expect(models.get('openai/gpt-4o-mini')?.price).toMatchObject({
      promptPicoUsdPerToken: 300_000n,
      completionPicoUsdPerToken: 2_500_000n,
    });
  });

  it('may be zero: free, in writing', () => {
    const { models } = build({ models: [model({ pricing: { prompt: '0', completion: '0' } })] });
    expect(models.get('m')?.price).toMatchObject({
      promptPicoUsdPerToken: 0n,
      completionPicoUsdPerToken: 0n,
    });
  });

  it('have a version that is the same for the same content and another for any other', () => {
    const version = (over: Partial<ModelConfig>) =>
      [...build({ models: [model(over)] }).prices.values()][0]?.price.version;
    expect(version({})).toMatch(/^p_[0-9a-f]{12}$/);
    expect(version({ name: 'other', contextLength: 9 })).toBe(version({}));
    const others = [
      version({ id: 'n' }),
      version({ pricing: { prompt: '0.0000004', completion: '0.0000025' } }),
      version({ pricing: { prompt: '0.0000003', completion: '0.0000026' } }),
      version({ pricing: { prompt: '0.0000003', completion: '0.0000025', cachedPrompt: '0.0000003' } }),
    ];
    expect(new Set([...others, version({})]).size).toBe(5);
  });
});

describe('list prices', () => {
  const unwritten = { pricing: undefined };

  it('are those of the vendor at the address', () => {
    const { prices } = build({
      upstreams: [openai],
      models: [model({ ...unwritten, routes: [route('openai', 'gpt-4o-mini')] })],
    });
    expect(prices.get('m')).toMatchObject({
      source: 'genai-prices openai/gpt-4o-mini',
      price: { promptPicoUsdPerToken: 150_000n, completionPicoUsdPerToken: 600_000n },
    });
  });

  it.each([[{ id: 'google/gemini-2.5-flash' }], [{ id: 'gemini-2.5-flash', ownedBy: 'google' }]])(
    'are found by public name where the address is nobody’s: %j',
    (name) => {
      const { models } = build({ models: [model({ ...unwritten, ...name })] });
      expect(models.get(name.id)?.price?.completionPicoUsdPerToken).toBe(2_500_000n);
    },
  );

  it('are the dearest of all routes, number by number', () => {
    const groq = upstream({ name: 'groq', baseUrl: 'https://api.groq.com/openai/v1' });
    const { prices } = build({
      upstreams: [openai, groq],
      models: [
        model({
          ...unwritten,
          routes: [route('groq', 'llama-3.3-70b-versatile'), route('openai', 'gpt-4o-mini')],
        }),
      ],
    });
    expect(prices.get('m')?.price).toMatchObject({
      promptPicoUsdPerToken: 590_000n,
      completionPicoUsdPerToken: 790_000n,
      cachedPromptPicoUsdPerToken: 590_000n,
    });
  });

  it('S45: are unknown when one route’s is: then the model has no price', () => {
    const { models, prices } = build({
      upstreams: [openai, upstream()],
      models: [model({ ...unwritten, routes: [route('openai', 'gpt-4o-mini'), route('main', 'mystery')] })],
    });
    expect(models.get('m')?.price).toBeUndefined();
    expect(prices.has('m')).toBe(false);
  });

  it('are looked for under price_provider, whatever the address', () => {
    const proxy = upstream({ priceProvider: 'openai' });
    const { models } = build({
      upstreams: [proxy],
      models: [model({ ...unwritten, routes: [route('main', 'gpt-4o-mini')] })],
    });
    expect(models.get('m')?.price?.promptPicoUsdPerToken).toBe(150_000n);
  });

  it('end when the table announces the next', () => {
    const google = upstream({ name: 'google', protocol: 'google', baseUrl: undefined });
    const config = {
      upstreams: [google],
      models: [model({ ...unwritten, routes: [route('google', 'gemini-3.6-flash')] })],
    };
    expect(build(config).validUntilMs).toBe(Date.parse('2027-01-01T00:00:00Z'));
    expect(build(config, {}, Date.parse('2027-01-01T00:00:00Z')).validUntilMs).toBe(Infinity);
  });
});

describe('discovered models', () => {
  it('are served as <upstream>/<id>, with what the upstream says of them', () => {
    const local = upstream({
      name: 'local',
      discover: true,
      discoveredPricing: { prompt: '0', completion: '0' },
    });
    const { models } = build(
      { upstreams: [local] },
      { local: [{ id: 'qwen3:8b', ownedBy: 'library', created: 7, contextLength: 4_096 }] },
    );
    expect(models.get('local/qwen3:8b')).toMatchObject({
      name: 'qwen3:8b',
      ownedBy: 'library',
      created: 7,
      contextLength: 4_096,
      completions: 'chat',
      price: { promptPicoUsdPerToken: 0n },
      routes: [{ upstream: 'local', upstreamModel: 'qwen3:8b', priority: 1, weight: 1 }],
    });
  });

  it('S45: have no price when none is written and nobody’s list holds at the address', () => {
    const local = upstream({ name: 'local', discover: true });
    expect(
      build({ upstreams: [local] }, { local: [{ id: 'gpt-4o-mini' }] }).models.get('local/gpt-4o-mini'),
    ).toMatchObject({
      price: undefined,
    });
  });

  it('never replace what the operator wrote', () => {
    const { models } = build(
      {
        upstreams: [openai],
        models: [model({ id: 'openai/gpt-4o-mini', routes: [route('openai', 'gpt-4o-mini')] })],
      },
      { openai: [{ id: 'gpt-4o-mini' }] },
    );
    expect(models.get('openai/gpt-4o-mini')?.name).toBe('M');
  });

  it('are left out where the upstream is not asked', () => {
    expect(build({}, { main: [{ id: 'x' }] }).models.size).toBe(0);
  });

  it.each(['', 'a b', 'a\nb', '\u001b[31m', 'é', 'x'.repeat(201)])(
    'S27: are left out for the id %j',
    (id) => {
      expect(build({ upstreams: [openai] }, { openai: [{ id }] }).models.size).toBe(0);
    },
  );

  it.each([Number.NaN, -1, 1.5, 1e300])('take no nonsense for a number: %p', (contextLength) => {
    const { models } = build(
      { upstreams: [openai] },
      { openai: [{ id: 'x', contextLength, created: contextLength }] },
    );
    expect(models.get('openai/x')).toMatchObject({ contextLength: 0, created: 0 });
  });

  it.each([
    ['anthropic', 'anthropic/claude-sonnet-4-5'],
    ['google', 'google/gemini-2.5-flash'],
  ] as const)('of %s come from the price table, all priced', (protocol, id) => {
    const vendor = upstream({ name: protocol, protocol, baseUrl: undefined, discover: true });
    const { models } = build({ upstreams: [vendor] });
    expect(models.has(id)).toBe(true);
    expect([...models.values()].filter(({ price }) => price === undefined)).toEqual([]);
    expect([...models.keys()].filter((key) => /embedding|tts|image|live|claude-2/.test(key))).toEqual([]);
  });
});

describe('aliases', () => {
  it('an upstream’s own id names the one model that serves it', () => {
    const { aliases } = build({ upstreams: [openai] }, { openai: [{ id: 'gpt-4o-mini' }] });
    expect(aliases.get('gpt-4o-mini')?.id).toBe('openai/gpt-4o-mini');
  });

  it('one model may serve it over several routes', () => {
    const { aliases } = build({
      upstreams: [upstream(), upstream({ name: 'spare' })],
      models: [model({ routes: [route('main'), route('spare')] })],
    });
    expect(aliases.get('m-1')?.id).toBe('m');
  });

  it('names nothing when two models serve it, or when it is a public id', () => {
    const { aliases } = build({
      models: [model({ id: 'a' }), model({ id: 'b' }), model({ id: 'c', routes: [route('main', 'a')] })],
    });
    expect([...aliases.keys()]).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('%s is an unknown id like any other', (id) => {
    const { models, aliases } = build({ models: [model()] });
    expect(models.get(id) ?? aliases.get(id)).toBeUndefined();
  });
});
