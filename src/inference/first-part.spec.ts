import { describe, expect, it } from '@jest/globals';
import { firstPart } from './first-part.js';

describe('firstPart', () => {
  it('takes of all texts together, in their order', () => {
    expect(firstPart(['abcd', 'efgh'], 0.75)).toEqual(['abcd', 'ef']);
    expect(firstPart(['abcd', 'efgh'], 0.25)).toEqual(['ab', '']);
    expect(firstPart(['abcd', 'efgh'], 1)).toEqual(['abcd', 'efgh']);
    expect(firstPart(['abcd', 'efgh'], 0)).toEqual(['', '']);
  });

  it('leaves alone what is no text', () => {
    expect(firstPart([null, 'abcd', undefined], 0.5)).toEqual([null, 'ab', undefined]);
  });

  it('goes by bytes: a text of a script whose characters have several is the longer part', () => {
    expect(firstPart(['漢字漢字', 'abcdefgh'], 0.6)).toEqual(['漢字漢字', '']);
    expect(firstPart(['abcdefgh', '漢字漢字'], 0.7)).toEqual(['abcdefgh', '漢字']);
  });

  it('never gives half a character', () => {
    expect(firstPart(['👍👍'], 0.75)).toEqual(['👍']);
    expect(firstPart(['👍👍'], 0.25)).toEqual(['']);
    expect(firstPart(['ab👍', 'xyz'], 3 / 7)).toEqual(['ab', '']);
  });
});
