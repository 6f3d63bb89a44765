import { describe, expect, it } from '@jest/globals';
import { answerLimit } from './answer-limit.js';

describe('answerLimit', () => {
  it('leaves alone what it knows no length for', () => {
    expect(answerLimit({ contextLength: undefined, promptTokens: 9, maxTokens: 5 })).toBe(5);
    expect(answerLimit({ contextLength: 0, promptTokens: 9, maxTokens: 5 })).toBe(5);
    expect(answerLimit({ contextLength: 8, promptTokens: 2, maxTokens: undefined })).toBeUndefined();
  });

  it('is 1 for a prompt that is too long already', () => {
    expect(answerLimit({ contextLength: 10, promptTokens: 12, maxTokens: 5 })).toBe(1);
  });
});
