import { describe, expect, it } from '@jest/globals';
import { sandboxModels } from '../../../config/sandbox-models.js';
import { SANDBOX_LIMITS, SANDBOX_UPSTREAM_MODELS } from './sandbox.models.js';

describe('the sandbox models that are sold', () => {
  const sold = sandboxModels('play');

  it('are those that the sandbox can play, all of them, each under its own name', () => {
    expect(sold.map(({ id, routes }) => [id, routes])).toEqual(
      SANDBOX_UPSTREAM_MODELS.map((model) => [
        `sandbox/${model}`,
        [{ upstream: 'play', model, priority: 1, weight: 1 }],
      ]),
    );
  });

  it.each(sold)('$id says the limits that the sandbox keeps', ({ contextLength, maxCompletionTokens }) => {
    expect({ contextTokens: contextLength, completionTokens: maxCompletionTokens }).toEqual(SANDBOX_LIMITS);
  });
});
