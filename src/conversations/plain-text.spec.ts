import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { COSTLY_TEXTS } from '../../test/support/costly-texts.js';
import { cpuMsOf } from '../../test/support/thread-cpu.js';
import { plainText } from './plain-text.js';

const plain = (text: string): string => [...plainText(text)].join('');
const told = (text: string): string => text.replaceAll(/\r\n?/g, '\n').normalize('NFC').trim();

/** Letters of many scripts, marks that compose with them, and what stands around. */
const LETTERS = ['a', 'e', 'é', '=', '天', '😀', '\u1112', '\u1161', '\u11ab', '\uac00', '\u0958', '\u2126'];
const RARE_LETTERS = ['\u1f71', '\uf900', '\u{2f800}', '\u{1d15e}', '\u{11131}', '\u{16d63}', '\u{16d67}'];
const MARKS = [
  '\u0301',
  '\u0316',
  '\u0323',
  '\u0338',
  '\u0344',
  '\u0f71',
  '\u0f72',
  '\u0f73',
  '\u093c',
  '\u{1d165}',
];
const OTHERS = [' ', '\r', '\n', '\r\n', '\u200d', '\ufeff', '\u09c7', '\u09be', '\u{11127}', '\u{e0100}'];
const written = fc.constantFrom(...LETTERS, ...RARE_LETTERS, ...MARKS, ...OTHERS);

describe('plainText', () => {
  it('is the text with LF at the end of lines, composed and trimmed', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 40 }), fc.nat(3), (units, repeats) => {
        // Where a piece ends may lie anywhere in it; thirty marks in a row no language has.
        const text = `${'x'.repeat(repeats)}${units.join('')}`
          .repeat(1 + repeats)
          .replaceAll(/(\p{M}{30})\p{M}+/gu, '$1');
        expect(plain(text)).toBe(told(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('takes no letter of any script apart that Unicode composes, wherever a piece ends', () => {
    const torn: string[] = [];
    for (let codePoint = 0x80; codePoint <= 0x10ffff; codePoint += 1) {
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
      const apart = String.fromCodePoint(codePoint).normalize('NFD');
      if (apart.length <= (codePoint > 0xffff ? 2 : 1)) continue;
      for (let before = 64 - apart.length; before < 64; before += 1) {
        const text = `${'天'.repeat(before)}${apart}天`;
        if (plain(text) !== told(text)) torn.push(codePoint.toString(16));
      }
    }
    expect(torn).toEqual([]);
  });

  it.each([16_350, 16_384, 16_400, 33_000])('cuts nothing in two at %i characters', (chars) => {
    for (const unit of [
      'e\u0301',
      '\r\n',
      '\u1112\u1161\u11ab',
      '😀',
      `a${'\u0316'.repeat(28)}\u0301`,
      'x\r\r\n',
    ]) {
      for (const before of ['', 'x', 'xy']) {
        const text = before + unit.repeat(Math.ceil(chars / unit.length));
        expect(plain(text)).toBe(told(text));
        for (const piece of plainText(text)) expect(piece.isWellFormed()).toBe(true);
      }
    }
  });

  it('is the same for any form of a letter with thirty marks', () => {
    const marks = '\u0316'.repeat(14) + '\u0300'.repeat(15);
    const composed = `\u00e0${marks}`;
    expect(plain(composed.repeat(1000))).toBe(plain(composed.normalize('NFD').repeat(1000)));
  });

  it('tells apart texts that are not the same, however many marks they have', () => {
    const marks = '\u0316\u0300'.repeat(1000);
    expect(plain(`a${marks}b`)).not.toBe(plain(`a${marks}c`));
    expect(plain(`a${marks}`)).not.toBe(plain(`a${marks}\u0316`));
  });

  it.each(Object.keys(COSTLY_TEXTS))('takes time linear in its length: %s', (kind) => {
    const text = COSTLY_TEXTS[kind]!(640 * 1024);
    // 640 KB of marks took 47 seconds.
    expect(cpuMsOf(() => plain(text))).toBeLessThan(500);
  });
});
