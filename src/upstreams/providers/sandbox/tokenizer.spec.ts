import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { countTokens, tokenize } from './tokenizer.js';

const text = fc.string({ unit: 'binary' });

describe('tokenize', () => {
  it('gives the text back exactly when the pieces are joined', () => {
    fc.assert(fc.property(text, (value) => expect(tokenize(value).join('')).toBe(value)));
  });

  it('never cuts a code point in half', () => {
    fc.assert(
      fc.property(text, (value) =>
        expect(tokenize(value).filter((piece) => !piece.isWellFormed())).toEqual([]),
      ),
    );
  });

  it('makes pieces of 1 to 6 characters', () => {
    fc.assert(
      fc.property(text, (value) =>
        expect(tokenize(value).filter((piece) => !/^.{1,6}$/s.test(piece))).toEqual([]),
      ),
    );
  });

  it('counts without cutting', () => {
    fc.assert(fc.property(text, (value) => expect(countTokens(value)).toBe(tokenize(value).length)));
  });

  it('stops early when only the beginning is wanted', () => {
    fc.assert(
      fc.property(text, fc.nat(5), (value, most) => {
        expect(tokenize(value, most)).toEqual(tokenize(value).slice(0, most));
      }),
    );
  });

  it('keeps words with their space, numbers and emoji apart', () => {
    expect(tokenize('Hello, new wörld 👋🏽 12345')).toEqual([
      'Hello',
      ',',
      ' new',
      ' w',
      'ö',
      'rld',
      ' ',
      '👋🏽',
      ' ',
      '123',
      '45',
    ]);
  });
});
