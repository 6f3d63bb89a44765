import { describe, expect, it } from '@jest/globals';
import { nearestWord } from './nearest-word.js';

const WORDS = ['title', 'rpm', 'tpm', 'max_tokens', 'budget', 'budget_period', 'account_id', 'group_by'];

describe('nearestWord', () => {
  it.each([
    ['titel', 'title'],
    ['RPM', 'rpm'],
    ['max_token', 'max_tokens'],
    ['bugdet', 'budget'],
    ['acount_id', 'account_id'],
    ['account', 'account_id'],
    ['group', 'group_by'],
    ['colour', undefined],
    ['a', undefined],
    ['x'.repeat(100_000), undefined],
  ])('of %s is %s', (text, word) => {
    expect(nearestWord(text, WORDS)).toBe(word);
  });
});
