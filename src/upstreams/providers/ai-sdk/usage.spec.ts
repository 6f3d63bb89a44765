import { describe, expect, it } from '@jest/globals';
import type { ModelUsage } from './language-model.js';
import { sumUsage, toUsage } from './usage.js';

function counted(total: number, cacheRead?: number, cacheWrite?: number): ModelUsage {
  return {
    inputTokens: { total, noCache: undefined, cacheRead, cacheWrite },
    outputTokens: { total: 7, text: undefined, reasoning: 3 },
  };
}

describe('toUsage', () => {
  it('counts every prompt token and all of the output, and shows their parts', () => {
    expect(toUsage(counted(1110, 100, 1000))).toEqual({
      prompt_tokens: 1110,
      completion_tokens: 7,
      total_tokens: 1117,
      prompt_tokens_details: { cached_tokens: 100, audio_tokens: 0, cache_write_tokens: 1000 },
      completion_tokens_details: {
        reasoning_tokens: 3,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    });
    expect(toUsage(counted(5))?.prompt_tokens_details).toEqual({ cached_tokens: 0, audio_tokens: 0 });
  });

  it('U13: is undefined when the vendor counted nothing', () => {
    const nothing = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
    expect(toUsage({ ...counted(5), inputTokens: nothing })).toBeUndefined();
  });
});

describe('sumUsage', () => {
  it('adds all parts, and knows nothing when one choice is unknown', () => {
    const one = toUsage(counted(10, 4, 2));
    expect(sumUsage([one, one, one])).toMatchObject({
      prompt_tokens: 30,
      completion_tokens: 21,
      total_tokens: 51,
      prompt_tokens_details: { cached_tokens: 12, cache_write_tokens: 6 },
      completion_tokens_details: { reasoning_tokens: 9 },
    });
    expect(sumUsage([one])).toBe(one);
    expect(sumUsage([one, undefined])).toBeUndefined();
  });
});
