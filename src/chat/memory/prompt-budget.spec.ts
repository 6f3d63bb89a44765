import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { answerLimit } from '../../inference/answer-limit.js';
import { promptBudget } from './prompt-budget.js';

describe('promptBudget', () => {
  it.each([
    ['a short answer', 8_192, 1_000, undefined, 7_034, 7_034, 7_034, 8_191],
    ['a long answer: a quarter is kept free', 8_192, 4_096, undefined, 6_006, 3_999, 6_006, 8_191],
    ['no limit of the answer: a quarter', 8_192, undefined, undefined, 6_006, 6_006, 6_006, 8_191],
    ['an answer longer than the model', 4_096, 9_999, undefined, 2_995, 0, 2_995, 4_095],
    ['a small memory on a large model', 1_000_000, 4_096, 4_096, 4_096, 4_096, 976_359, 999_999],
    ['a memory larger than the model', 8_192, 1_000, 100_000, 7_034, 7_034, 7_034, 8_191],
    ['only a policy', undefined, 4_096, 4_000, 4_000, 4_000, Infinity, Infinity],
    ['only a policy, on a model that says 0', 0, 4_096, 4_000, 4_000, 4_000, Infinity, Infinity],
  ])(
    'leaves room for %s',
    (_case, contextLength, maxTokens, policyMaxTokens, tokens, withWholeAnswer, underWay, most) => {
      expect(promptBudget({ contextLength, maxTokens, policyMaxTokens })).toEqual({
        tokens,
        withWholeAnswer,
        underWay,
        most,
      });
    },
  );

  it.each([0, undefined])('is unknown where nobody names a length (%s)', (contextLength) => {
    expect(promptBudget({ contextLength, maxTokens: 4_096, policyMaxTokens: undefined })).toBeUndefined();
  });
});

describe('promptBudget with answerLimit', () => {
  const count = fc.integer({ min: 1, max: 2_000_000 });

  it('keeps any prompt within the budget and its answer within the context length, or says one token', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 64, max: 2_000_000 }),
        count,
        fc.option(count, { nil: undefined }),
        fc.nat(),
        (contextLength, maxTokens, policy, n) => {
          const budget = promptBudget({ contextLength, maxTokens, policyMaxTokens: policy })!;
          const promptTokens = 1 + (n % budget.tokens);
          const limit = answerLimit({ contextLength, promptTokens, maxTokens })!;
          expect(limit).toBeLessThanOrEqual(Math.max(1, Math.min(maxTokens, contextLength - promptTokens)));
          expect(limit).toBeGreaterThanOrEqual(
            Math.max(1, Math.min(maxTokens, Math.floor(contextLength / 4))),
          );
          expect(promptTokens <= budget.withWholeAnswer && limit < maxTokens).toBe(false);
          expect(budget.tokens).toBeLessThanOrEqual(budget.underWay);
        },
      ),
    );
  });

  it('leaves what must be sent all of the context length but the answer’s one token', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 2_000_000 }),
        count,
        fc.option(count, { nil: undefined }),
        (contextLength, maxTokens, policyMaxTokens) => {
          const { most } = promptBudget({ contextLength, maxTokens, policyMaxTokens })!;
          expect(most).toBe(contextLength - 1);
          expect(answerLimit({ contextLength, promptTokens: most, maxTokens })).toBe(1);
        },
      ),
    );
  });
});
