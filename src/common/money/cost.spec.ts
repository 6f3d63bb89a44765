import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { costNanoUsd, creditHundredths } from './cost.js';
import type { Price } from './price.js';
import { parsePicoUsd } from './usd.js';

const GEMINI_FLASH: Price = {
  version: 'p_test',
  promptPicoUsdPerToken: parsePicoUsd('0.0000003'),
  completionPicoUsdPerToken: parsePicoUsd('0.0000025'),
};
const CREDIT = 5_000_000n;

const anyTokens = fc
  .record({ promptTokens: fc.nat(10_000_000), completionTokens: fc.nat(10_000_000) })
  .chain((tokens) =>
    fc.nat(tokens.promptTokens).map((cachedPromptTokens) => ({ ...tokens, cachedPromptTokens })),
  );
const anyPicoUsd = fc.bigInt({ min: 0n, max: 10n ** 10n });
const anyPrice = fc.record({
  version: fc.constant('p_any'),
  promptPicoUsdPerToken: anyPicoUsd,
  completionPicoUsdPerToken: anyPicoUsd,
  cachedPromptPicoUsdPerToken: anyPicoUsd,
});
const anyCreditPrice = fc.bigInt({ min: 1n, max: 10n ** 10n });

describe('costNanoUsd', () => {
  it("gives Qolaba's published sample: 22 + 495 tokens cost 0.0012441 USD", () => {
    expect(costNanoUsd({ promptTokens: 22, completionTokens: 495 }, GEMINI_FLASH)).toBe(1_244_100n);
  });

  it('rounds a fraction of a nano-USD up', () => {
    const price: Price = { version: 'p', promptPicoUsdPerToken: 1n, completionPicoUsdPerToken: 0n };
    expect(costNanoUsd({ promptTokens: 1, completionTokens: 0 }, price)).toBe(1n);
    expect(costNanoUsd({ promptTokens: 1_000, completionTokens: 0 }, price)).toBe(1n);
    expect(costNanoUsd({ promptTokens: 1_001, completionTokens: 0 }, price)).toBe(2n);
  });

  it('charges cached prompt tokens at their own price, and at the prompt price where there is none', () => {
    const tokens = { promptTokens: 1_000, completionTokens: 0, cachedPromptTokens: 400 };
    expect(costNanoUsd(tokens, GEMINI_FLASH)).toBe(300_000n);
    expect(costNanoUsd(tokens, { ...GEMINI_FLASH, cachedPromptPicoUsdPerToken: 30_000n })).toBe(192_000n);
  });

  it('never gives credit for an upstream that reports more cached tokens than prompt tokens', () => {
    const price: Price = { ...GEMINI_FLASH, cachedPromptPicoUsdPerToken: 30_000n };
    const all = costNanoUsd({ promptTokens: 10, completionTokens: 0, cachedPromptTokens: 10 }, price);
    expect(costNanoUsd({ promptTokens: 10, completionTokens: 0, cachedPromptTokens: 99 }, price)).toBe(all);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'U14: refuses the token count %p',
    (bad) => {
      expect(() => costNanoUsd({ promptTokens: bad, completionTokens: 0 }, GEMINI_FLASH)).toThrow(RangeError);
      expect(() => costNanoUsd({ promptTokens: 0, completionTokens: bad }, GEMINI_FLASH)).toThrow(RangeError);
    },
  );

  it('prices sound, a search and what came from a cache each by its own', () => {
    const price = {
      version: 'p',
      promptPicoUsdPerToken: 1_000n,
      completionPicoUsdPerToken: 10_000n,
      cachedPromptPicoUsdPerToken: 100_000n,
      audioPromptPicoUsdPerToken: 1_000_000n,
      audioCompletionPicoUsdPerToken: 10_000_000n,
      webSearchPicoUsd: 100_000_000n,
    };
    const tokens = { promptTokens: 6, cachedPromptTokens: 2, audioPromptTokens: 3 };
    expect(costNanoUsd({ ...tokens, completionTokens: 9, audioCompletionTokens: 4 }, price)).toBe(143_251n);
    // No part is more than the whole.
    expect(costNanoUsd({ ...tokens, audioPromptTokens: 99, completionTokens: 0 }, price)).toBe(104_200n);
    expect(costNanoUsd({ promptTokens: 0, completionTokens: 0 }, price)).toBe(100_000n);
  });

  it('never under-charges, and over-charges by less than one nano-USD', () => {
    fc.assert(
      fc.property(anyTokens, anyPrice, (tokens, price) => {
        const exactPicoUsd =
          BigInt(tokens.promptTokens - tokens.cachedPromptTokens) * price.promptPicoUsdPerToken +
          BigInt(tokens.cachedPromptTokens) * price.cachedPromptPicoUsdPerToken +
          BigInt(tokens.completionTokens) * price.completionPicoUsdPerToken;
        const charged = costNanoUsd(tokens, price) * 1_000n;
        expect(charged >= exactPicoUsd && charged - exactPicoUsd < 1_000n).toBe(true);
      }),
    );
  });

  it('never falls when tokens are added', () => {
    fc.assert(
      fc.property(anyTokens, anyPrice, fc.nat(1_000), fc.nat(1_000), (tokens, price, prompt, completion) => {
        const more = {
          ...tokens,
          promptTokens: tokens.promptTokens + prompt,
          completionTokens: tokens.completionTokens + completion,
        };
        expect(costNanoUsd(more, price) >= costNanoUsd(tokens, price)).toBe(true);
      }),
    );
  });
});

describe('creditHundredths', () => {
  it("gives Qolaba's published sample: 0.0012441 USD at 0.005 USD a credit are 0.25 credits", () => {
    expect(creditHundredths(1_244_100n, CREDIT)).toBe(25n);
  });

  it.each([
    [0n, 0n],
    [1n, 1n],
    [50_000n, 1n],
    [50_001n, 2n],
    [5_000_000n, 100n],
  ])('rounds %s nano-USD up to %s hundredths of a credit', (cost, credits) => {
    expect(creditHundredths(cost, CREDIT)).toBe(credits);
  });

  it('never under-charges, and over-charges by less than one hundredth of a credit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), anyCreditPrice, (cost, creditPrice) => {
        const paidNanoUsdTimes100 = creditHundredths(cost, creditPrice) * creditPrice;
        const rest = paidNanoUsdTimes100 - cost * 100n;
        expect(rest >= 0n && rest < creditPrice).toBe(true);
      }),
    );
  });

  it('never falls when the cost rises', () => {
    const anyCost = fc.bigInt({ min: 0n, max: 10n ** 18n });
    fc.assert(
      fc.property(anyCost, anyCost, anyCreditPrice, (a, b, creditPrice) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(creditHundredths(low, creditPrice) <= creditHundredths(high, creditPrice)).toBe(true);
      }),
    );
  });
});
