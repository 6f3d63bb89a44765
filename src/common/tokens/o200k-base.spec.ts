import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import vocabulary from 'gpt-tokenizer/bpeRanks/o200k_base';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { o200kBase, readO200kBase } from './o200k-base.js';

const hex = (token: string | Uint8Array | readonly number[] | undefined): string =>
  Buffer.from((token ?? '') as string).toString('hex');

describe('o200kBase', () => {
  it('is read once', async () => {
    const [first, second] = await Promise.all([o200kBase(), o200kBase()]);
    expect(first).toBe(second);
  });

  it('is read in turns, so that others are served meanwhile', async () => {
    let turns = 0;
    let next = setImmediate(function turn() {
      turns += 1;
      next = setImmediate(turn);
    });
    await readO200kBase();
    clearImmediate(next);
    expect(turns).toBeGreaterThan(40);
  });

  it('has the tokens of the published table, text or bytes, and no others', async () => {
    const encoding = await o200kBase();
    const wrong = vocabulary.flatMap((token, id) => (hex(encoding.read(id)) === hex(token) ? [] : [id]));
    expect(wrong).toEqual([]);
    expect(vocabulary).toHaveLength(199_998);
    for (const id of [-1, 199_998, 199_999, 200_018, 0.5]) expect(encoding.read(id)).toBeUndefined();
  });

  const unit = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(..." the of Token ing ed 1234 \n\t's I’m {}();".split(/(?<=.)/)),
    },
    // The package loses a byte order mark, which is a token of the table.
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((character) => character !== '\uFEFF'),
    fc.integer({ min: 0x4e00, max: 0x9fff }).map((code) => String.fromCodePoint(code)),
    fc.integer({ min: 0x1f300, max: 0x1f6ff }).map((code) => String.fromCodePoint(code)),
    fc.constantFrom('<|endoftext|>', '<|im_start|>', '\uFFFD', 'é', 'e\u0301', 'ผู้'),
  );
  it('counts as the package of the same encoding does, special tokens as text', async () => {
    const encoding = await o200kBase();
    const text = fc.array(unit, { maxLength: 200 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (each) => {
        expect(encoding.countTokens(each)).toBe(countTokens(each, { disallowedSpecial: new Set() }));
      }),
      { numRuns: 500 },
    );
    expect(encoding.countTokens('\uFEFF')).toBe(1);
  });
});
