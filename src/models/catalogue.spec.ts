import { describe, expect, it } from '@jest/globals';
import { aModel, anUpstream, aRoute } from '../../test/support/catalogue-builders.js';
import type { CatalogueConfig, ModelConfig } from '../config/app-config.js';
import { sandboxModels } from '../config/sandbox-models.js';
import { buildCatalogue } from './catalogue.js';
import type { DiscoveredModel } from '../contracts/discovered-model.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');

function build(
  config: Partial<CatalogueConfig>,
  discovered: Record<string, DiscoveredModel[]> = {},
  nowMs = NOW,
) {
  return buildCatalogue(
    { upstreams: [anUpstream()], models: [], ...config },
    new Map(Object.entries(discovered)),
    nowMs,
  );
}

const version = (over: Partial<ModelConfig>) =>
  [...build({ models: [aModel(over)] }).prices.values()][0]?.price.version;

const openai = anUpstream({ name: 'openai', baseUrl: 'https://api.openai.com/v1', discover: true });

describe('written prices', () => {
  it('win over the price table', () => {
    const { models } = build({ models: [aModel({ id: 'openai/gpt-4o-mini' })] });
    expect(models.get('openai/gpt-4o-mini')?.price).toMatchObject({
      promptPicoUsdPerToken: 300_000n,
      completionPicoUsdPerToken: 2_500_000n,
    });
  });

  it('may be zero: free, in writing', () => {
    const { models } = build({ models: [aModel({ pricing: { prompt: '0', completion: '0' } })] });
    expect(models.get('m')?.price).toMatchObject({
      promptPicoUsdPerToken: 0n,
      completionPicoUsdPerToken: 0n,
    });
  });

  it('have a version that is the same for the same content and another for any other', () => {
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
      models: [aModel({ ...unwritten, routes: [aRoute('openai', 'gpt-4o-mini')] })],
    });
    expect(prices.get('m')).toMatchObject({
      source: 'genai-prices openai/gpt-4o-mini',
      price: { promptPicoUsdPerToken: 150_000n, completionPicoUsdPerToken: 600_000n },
    });
  });

  it.each([[{ id: 'google/gemini-2.5-flash' }], [{ id: 'gemini-2.5-flash', ownedBy: 'google' }]])(
    'are found by public name where the address is nobody’s: %j',
    (name) => {
      const { models } = build({ models: [aModel({ ...unwritten, ...name })] });
      expect(models.get(name.id)?.price?.completionPicoUsdPerToken).toBe(2_500_000n);
    },
  );

  it('are the dearest of all routes, number by number', () => {
    const groq = anUpstream({ name: 'groq', baseUrl: 'https://api.groq.com/openai/v1' });
    const { prices } = build({
      upstreams: [openai, groq],
      models: [
        aModel({
          ...unwritten,
          routes: [aRoute('groq', 'llama-3.3-70b-versatile'), aRoute('openai', 'gpt-4o-mini')],
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
      upstreams: [openai, anUpstream()],
      models: [
        aModel({ ...unwritten, routes: [aRoute('openai', 'gpt-4o-mini'), aRoute('main', 'mystery')] }),
      ],
    });
    expect(models.get('m')?.price).toBeUndefined();
    expect(prices.has('m')).toBe(false);
  });

  it('are looked for under price_provider, whatever the address', () => {
    const proxy = anUpstream({ priceProvider: 'openai' });
    const { models } = build({
      upstreams: [proxy],
      models: [aModel({ ...unwritten, routes: [aRoute('main', 'gpt-4o-mini')] })],
    });
    expect(models.get('m')?.price?.promptPicoUsdPerToken).toBe(150_000n);
  });

  it('end when the table announces the next', () => {
    const google = anUpstream({ name: 'google', protocol: 'google', baseUrl: undefined });
    const config = {
      upstreams: [google],
      models: [aModel({ ...unwritten, routes: [aRoute('google', 'gemini-3.6-flash')] })],
    };
    expect(build(config).validUntilMs).toBe(Date.parse('2027-01-01T00:00:00Z'));
    expect(build(config, {}, Date.parse('2027-01-01T00:00:00Z')).validUntilMs).toBe(Infinity);
  });
});

describe('discovered models', () => {
  it('are served as <upstream>/<id>, with what the upstream says of them', () => {
    const local = anUpstream({
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
    const local = anUpstream({ name: 'local', discover: true });
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
        models: [aModel({ id: 'openai/gpt-4o-mini', routes: [aRoute('openai', 'gpt-4o-mini')] })],
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
    const vendor = anUpstream({ name: protocol, protocol, baseUrl: undefined, discover: true });
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
      upstreams: [anUpstream(), anUpstream({ name: 'spare' })],
      models: [aModel({ routes: [aRoute('main'), aRoute('spare')] })],
    });
    expect(aliases.get('m-1')?.id).toBe('m');
  });

  it('names nothing when two models serve it, or when it is a public id', () => {
    const { aliases } = build({
      models: [aModel({ id: 'a' }), aModel({ id: 'b' }), aModel({ id: 'c', routes: [aRoute('main', 'a')] })],
    });
    expect([...aliases.keys()]).toEqual([]);
  });

  it('names no sandbox model, but leaves its id to a real upstream', () => {
    const sandbox = anUpstream({ name: 'play', protocol: 'sandbox', baseUrl: undefined });
    const models = sandboxModels('play');
    expect([...build({ upstreams: [sandbox], models }).aliases.keys()]).toEqual([]);
    const { aliases } = build({
      upstreams: [sandbox, anUpstream()],
      models: [...models, aModel({ routes: [aRoute('main', 'chat'), aRoute('play', 'echo')] })],
    });
    expect([...aliases].map(([alias, { id }]) => [alias, id])).toEqual([['chat', 'm']]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('%s is an unknown id like any other', (id) => {
    const { models, aliases } = build({ models: [aModel()] });
    expect(models.get(id) ?? aliases.get(id)).toBeUndefined();
  });
});
