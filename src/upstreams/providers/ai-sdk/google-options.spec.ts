import { describe, expect, it } from '@jest/globals';
import { googleOptions } from './google-options.js';
import type { VendorAsk } from './vendor.js';

function ask(modelId: string, effort: VendorAsk['effort']): VendorAsk {
  return {
    modelId,
    effort,
    maxOutputTokens: undefined,
    parallelToolCalls: false,
    toolForced: false,
    insideToolLoop: false,
  };
}

describe('googleOptions', () => {
  it('asks for the thoughts along with the effort', () => {
    expect(googleOptions(ask('gemini-2.5-flash', 'low'))).toEqual({
      reasoning: 'low',
      providerOptions: { google: { thinkingConfig: { includeThoughts: true } } },
    });
    expect(googleOptions(ask('gemini-3-pro-preview', 'none'))).toEqual({ reasoning: 'none' });
  });

  it.each(['gemini-2.0-flash', 'gemini-1.5-pro', 'gemma-3-27b-it'])(
    'leaves %s alone, which cannot think',
    (model) => {
      expect(googleOptions(ask(model, 'high'))).toEqual({});
    },
  );
});
