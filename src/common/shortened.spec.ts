import { expect, it } from '@jest/globals';
import { shortened } from './shortened.js';

it.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc…'],
  ['ab😀', 3, 'ab…'],
  ['a😀b', 3, 'a😀…'],
  ['😀', 1, '…'],
  ['', 0, ''],
])('%j has at most %i characters, none of them cut: %j', (text, most, expected) => {
  expect(shortened(text, most)).toBe(expected);
});
