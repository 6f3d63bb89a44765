import { describe, expect, it } from '@jest/globals';
import { findListPrice, findPriceProvider, isPriceProvider, listPricedModels } from './price-table.js';

const at = (date: string) => Date.parse(`${date}T12:00:00Z`);
const NOW = at('2026-11-22');

describe('findListPrice', () => {
  it('gives a published price exactly, in pico-USD per token', () => {
    expect(findListPrice('openai', 'gpt-4o-mini', NOW)).toEqual({
      entry: 'openai/gpt-4o-mini',
      promptPicoUsdPerToken: 150_000n,
      completionPicoUsdPerToken: 600_000n,
      cachedPromptPicoUsdPerToken: 75_000n,
      contextLength: 128_000,
      validUntilMs: Infinity,
    });
    expect(findListPrice('google', 'gemini-2.5-flash', NOW)).toMatchObject({
      promptPicoUsdPerToken: 300_000n,
      completionPicoUsdPerToken: 2_500_000n,
    });
  });

  it('knows the other names that a vendor has for a model', () => {
    expect(findListPrice('openai', 'gpt-4o-mini-2024-07-18', NOW)?.entry).toBe('openai/gpt-4o-mini');
  });

  it('takes the dearest tier where the price rises with the prompt: never below cost', () => {
    expect(findListPrice('google', 'gemini-2.5-pro', NOW)).toMatchObject({
      promptPicoUsdPerToken: 2_500_000n,
      completionPicoUsdPerToken: 15_000_000n,
      cachedPromptPicoUsdPerToken: 250_000n,
    });
  });

  it('takes the dearest hour where the price follows the time of day', () => {
    expect(findListPrice('deepseek', 'deepseek-chat', NOW)?.promptPicoUsdPerToken).toBe(270_000n);
    expect(findListPrice('deepseek', 'deepseek-chat', Date.parse('2026-11-22T02:00:00Z'))).toEqual(
      findListPrice('deepseek', 'deepseek-chat', NOW),
    );
  });

  it('follows announced prices to the day, and says until when one holds', () => {
    expect(findListPrice('google', 'gemini-3.6-flash', at('2026-12-31'))).toMatchObject({
      promptPicoUsdPerToken: 750_000n,
      validUntilMs: Date.parse('2027-01-01T00:00:00Z'),
    });
    expect(findListPrice('google', 'gemini-3.6-flash', at('2027-01-01'))).toMatchObject({
      promptPicoUsdPerToken: 1_500_000n,
      validUntilMs: Infinity,
    });
  });

  it.each([
    ['a model nobody has', 'openai', 'gpt-nonesuch'],
    ['a provider nobody knows', 'nobody', 'gpt-4o-mini'],
    ['S45: a free model: free is written, not looked up', 'google', 'gemma-3-27b-it'],
    ['an embedding, which has no output price', 'openai', 'text-embedding-3-small'],
    ['speech, which is sold by the hour', 'openai', 'whisper-1'],
    ['pictures, whose output is dearer than text', 'google', 'gemini-2.5-flash-image'],
    ['a name from the language', 'openai', '__proto__'],
  ])('has no price for %s', (_, provider, model) => {
    expect(findListPrice(provider, model, NOW)).toBeUndefined();
  });
});

describe('listPricedModels', () => {
  it.each(['openai', 'anthropic', 'google', 'openrouter', 'groq', 'mistral', 'deepseek', 'together', 'x-ai'])(
    'S45: every price of %s is above zero, and cached tokens cost no more than others',
    (provider) => {
      const models = listPricedModels(provider, NOW);
      expect(models.length).toBeGreaterThan(0);
      for (const { price } of models) {
        expect(price.promptPicoUsdPerToken > 0n && price.completionPicoUsdPerToken > 0n).toBe(true);
        expect((price.cachedPromptPicoUsdPerToken ?? 1n) > 0n).toBe(true);
      }
    },
  );
});

describe('providers', () => {
  it.each([
    ['https://api.openai.com/v1', 'openai'],
    ['https://openrouter.ai/api/v1', 'openrouter'],
    ['https://api.groq.com/openai/v1', 'groq'],
    ['https://api.x.ai/v1', 'x-ai'],
    ['http://127.0.0.1:8000/v1', undefined],
  ])('%s is %s', (baseUrl, provider) => {
    expect(findPriceProvider(baseUrl)).toBe(provider);
  });

  it('are known by their exact name only', () => {
    expect(isPriceProvider('google')).toBe(true);
    expect(isPriceProvider('my-mistral')).toBe(false);
    expect(isPriceProvider('')).toBe(false);
  });
});
