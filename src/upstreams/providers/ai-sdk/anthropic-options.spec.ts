import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, integer, property } from 'fast-check';
import { anthropicOptions } from './anthropic-options.js';
import type { VendorAsk } from './vendor.js';

const BUDGET = { supportsAdaptiveThinking: false, maxOutputTokens: 64_000 };
const ADAPTIVE = { supportsAdaptiveThinking: true, maxOutputTokens: 128_000 };

function ask(overrides: Partial<VendorAsk> = {}): VendorAsk {
  return {
    modelId: 'claude',
    maxOutputTokens: undefined,
    effort: undefined,
    parallelToolCalls: undefined,
    toolForced: false,
    insideToolLoop: false,
    ...overrides,
  };
}

describe('anthropicOptions', () => {
  it('says nothing when nothing was asked', () => {
    expect(anthropicOptions(ask(), BUDGET)).toEqual({});
    expect(anthropicOptions(ask({ parallelToolCalls: true }), ADAPTIVE)).toEqual({});
  });

  it('tells a model that thinks adaptively the effort, and one with a budget its share of the maximum', () => {
    expect(anthropicOptions(ask({ effort: 'high' }), ADAPTIVE)).toEqual({ reasoning: 'high' });
    expect(anthropicOptions(ask({ effort: 'medium', maxOutputTokens: 10_000 }), BUDGET)).toEqual({
      maxOutputTokens: 7_000,
      providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 3_000 } } },
    });
  });

  it('never lets thinking and answer together exceed the maximum, and leaves room for both', () => {
    const effort = constantFrom<VendorAsk['effort']>('minimal', 'low', 'medium', 'high', 'xhigh', 'max');
    assert(
      property(effort, integer({ min: 2048, max: 200_000 }), (level, max) => {
        const options = anthropicOptions(ask({ effort: level, maxOutputTokens: max }), BUDGET);
        const thinking = options.providerOptions?.['anthropic']?.['thinking'] as { budgetTokens: number };
        expect(thinking.budgetTokens).toBeGreaterThanOrEqual(1024);
        expect(options.maxOutputTokens).toBeGreaterThanOrEqual(1024);
        expect(thinking.budgetTokens + (options.maxOutputTokens ?? 0)).toBe(Math.min(max, 64_000));
      }),
    );
    expect(anthropicOptions(ask({ effort: 'max', maxOutputTokens: 2047 }), BUDGET)).toEqual({});
  });

  it('does not think where the API would refuse it: forced tools, inside a tool loop, no effort', () => {
    const most = { effort: 'high', maxOutputTokens: 10_000 } as const;
    expect(anthropicOptions(ask({ ...most, toolForced: true }), BUDGET)).toEqual({});
    expect(anthropicOptions(ask({ ...most, insideToolLoop: true }), BUDGET)).toEqual({});
    expect(anthropicOptions(ask({ ...most, effort: 'none' }), BUDGET)).toEqual({});
  });

  it('passes parallel_tool_calls: false beside any of it', () => {
    const disabled = { providerOptions: { anthropic: { disableParallelToolUse: true } } };
    expect(anthropicOptions(ask({ parallelToolCalls: false }), BUDGET)).toEqual(disabled);
    expect(anthropicOptions(ask({ parallelToolCalls: false, effort: 'low' }), ADAPTIVE)).toEqual({
      reasoning: 'low',
      ...disabled,
    });
  });
});
