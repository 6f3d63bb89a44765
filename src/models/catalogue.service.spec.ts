import { describe, expect, it } from '@jest/globals';
import { anAppConfig, anUpstream } from '../../test/support/catalogue-builders.js';
import { Clock } from '../common/clock/clock.js';
import type { UpstreamConfig } from '../config/app-config.js';
import { sandboxModels } from '../config/sandbox-models.js';
import { CatalogueService } from './catalogue.service.js';
import { ModelNotFoundError } from './models.errors.js';

class SettableClock extends Clock {
  now = Date.parse('2026-11-22T12:00:00Z');
  nowMs(): number {
    return this.now;
  }
  monotonicMs(): number {
    return this.now;
  }
}

const SANDBOX = anUpstream({ name: 'sandbox', protocol: 'sandbox', baseUrl: undefined });
const OPENAI = anUpstream({ name: 'openai', baseUrl: 'https://api.openai.com/v1', discover: true });
const OLLAMA = anUpstream({
  name: 'ollama',
  discover: true,
  discoveredPricing: { prompt: '0', completion: '0' },
});
const UNPRICED = anUpstream({ name: 'local', discover: true });
const GOOGLE = anUpstream({ name: 'google', protocol: 'google', baseUrl: undefined, discover: true });

/** The sandbox and its models, with other upstreams beside it. */
const catalogueWith = (...upstreams: UpstreamConfig[]) => ({
  upstreams: [SANDBOX, ...upstreams],
  models: sandboxModels('sandbox'),
});

function service(upstreams: UpstreamConfig[] = [], clock = new SettableClock()): CatalogueService {
  return new CatalogueService(anAppConfig(catalogueWith(...upstreams)), clock);
}

describe('CatalogueService', () => {
  it('finds by public id and by the upstream’s own', () => {
    const catalogue = service([OPENAI]);
    catalogue.setDiscovered('openai', [{ id: 'gpt-4o-mini' }]);
    expect(catalogue.get('sandbox/chat').id).toBe('sandbox/chat');
    expect(catalogue.get('openai/gpt-4o-mini')).toBe(catalogue.get('gpt-4o-mini'));
  });

  it.each([
    'nope',
    '',
    '__proto__',
    'constructor',
    'chat',
    'echo',
    'sandbox/chat/',
    'SANDBOX/CHAT',
    '../admin',
  ])('S42: does not find %j', (id) => {
    const catalogue = service();
    expect(catalogue.find(id)).toBeUndefined();
    expect(() => catalogue.get(id)).toThrow(ModelNotFoundError);
  });

  it('says what inference says of an unknown model', () => {
    expect(() => service().get('nope')).toThrow(
      expect.objectContaining({
        code: 'model_not_found',
        param: undefined,
        message: 'The model `nope` does not exist or you do not have access to it.',
      }),
    );
  });

  it('S27: bounds and cleans the id that an error repeats', () => {
    expect(new ModelNotFoundError('a\u001b[31m\r\nb\u2028').message).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(new ModelNotFoundError('x'.repeat(10_000)).message.length).toBeLessThan(300);
  });

  it('lists only models that can be called', () => {
    const catalogue = service([UNPRICED]);
    catalogue.setDiscovered('local', [{ id: 'mystery' }]);
    expect(catalogue.find('local/mystery')).toMatchObject({ price: undefined });
    expect(catalogue.list().map(({ id }) => id)).not.toContain('local/mystery');
    expect(catalogue.list()).toHaveLength(15);
  });

  it('permits what a key’s list names, by either name, and everything without a list', () => {
    const catalogue = service([OLLAMA]);
    catalogue.setDiscovered('ollama', [{ id: 'qwen3' }]);
    const model = catalogue.get('qwen3');
    expect(catalogue.permits(null, model)).toBe(true);
    expect(catalogue.permits(['ollama/qwen3'], model)).toBe(true);
    expect(catalogue.permits(['qwen3'], model)).toBe(true);
    expect(catalogue.permits(['sandbox/chat'], model)).toBe(false);
    expect(catalogue.permits([], model)).toBe(false);
  });

  it('replaces its configuration, keeps what upstreams said, and leaves found models alone', () => {
    const catalogue = service([OLLAMA]);
    catalogue.setDiscovered('ollama', [{ id: 'qwen3' }]);
    const before = catalogue.current();
    const held = catalogue.get('sandbox/chat');
    catalogue.replace({ ...catalogueWith(OLLAMA), models: [] });
    expect(catalogue.current()).not.toBe(before);
    expect(catalogue.find('sandbox/chat')).toBeUndefined();
    expect(catalogue.find('ollama/qwen3')).toBeDefined();
    expect(held.routes).toHaveLength(1);
  });

  it('moves to an announced price on its day, under another version', () => {
    const clock = new SettableClock();
    const catalogue = service([GOOGLE], clock);
    const before = catalogue.get('google/gemini-3.6-flash').price;
    clock.now = Date.parse('2027-01-01T00:00:00Z');
    const after = catalogue.get('google/gemini-3.6-flash').price;
    expect(after?.promptPicoUsdPerToken).toBe(2n * (before?.promptPicoUsdPerToken ?? 0n));
    expect(after?.version).not.toBe(before?.version);
  });

  it('names every price in force once, by version', () => {
    const versions = service().currentPriceVersions();
    expect(versions).toHaveLength(15);
    expect(versions[0]).toMatchObject({ modelId: 'sandbox/chat', source: 'written' });
    expect(new Set(versions.map(({ price }) => price.version)).size).toBe(15);
  });
});
