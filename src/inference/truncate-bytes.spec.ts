import { describe, expect, it } from '@jest/globals';
import { truncateBytes } from './truncate-bytes.js';

describe('truncateBytes', () => {
  it('takes of all texts together, in their order', () => {
    expect(truncateBytes(['abcd', 'efgh'], 0.75)).toEqual(['abcd', 'ef']);
    expect(truncateBytes(['abcd', 'efgh'], 0.25)).toEqual(['ab', '']);
    expect(truncateBytes(['abcd', 'efgh'], 1)).toEqual(['abcd', 'efgh']);
    expect(truncateBytes(['abcd', 'efgh'], 0)).toEqual(['', '']);
  });

  it('leaves alone what is no text', () => {
    expect(truncateBytes([null, 'abcd', undefined], 0.5)).toEqual([null, 'ab', undefined]);
  });

  it('goes by bytes: a text of a script whose characters have several is the longer part', () => {
    expect(truncateBytes(['漢字漢字', 'abcdefgh'], 0.6)).toEqual(['漢字漢字', '']);
    expect(truncateBytes(['abcdefgh', '漢字漢字'], 0.7)).toEqual(['abcdefgh', '漢字']);
  });

  it('never gives half a character', () => {
    expect(truncateBytes(['👍👍'], 0.75)).toEqual(['👍']);
    expect(truncateBytes(['👍👍'], 0.25)).toEqual(['']);
    expect(truncateBytes(['ab👍', 'xyz'], 3 / 7)).toEqual(['ab', '']);
  });
});
