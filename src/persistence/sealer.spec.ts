import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Sealer } from './sealer.js';

const key = (name: string) => ({ name, secret: randomBytes(32).toString('base64') });
Logger.overrideLogger(false);

const unavailable = expect.objectContaining({ code: 'storage_unavailable' });

describe('Sealer', () => {
  it('leaves texts as they are without keys', () => {
    const sealer = new Sealer([]);
    expect(sealer.seal('hello', 'a 1')).toEqual({ text: 'hello', sealedWith: null });
    expect(sealer.open('hello', null, 'a 1')).toBe('hello');
  });

  it.each(['', 'hello', '\u0000\u0007', '🙂 żółć 漢字', 'x'.repeat(100_000)])(
    'opens what it sealed (%#)',
    (said) => {
      const sealer = new Sealer([key('k1')]);
      const { text, sealedWith } = sealer.seal(said, 'a 1');
      expect(sealedWith).toBe('k1');
      expect(text).not.toContain(said.slice(0, 5) || 'hello');
      expect(sealer.open(text, sealedWith, 'a 1')).toBe(said);
    },
  );

  it('seals the same text differently each time, in characters that any database keeps', () => {
    const sealer = new Sealer([key('k1')]);
    const texts = Array.from({ length: 100 }, () => sealer.seal('hello', 'a 1').text);
    expect(new Set(texts).size).toBe(100);
    for (const text of texts) expect(text).toMatch(/^s1\.[A-Za-z0-9+/]+=*$/);
  });

  it('seals with the first key and opens with all', () => {
    const [older, newer] = [key('older'), key('newer')];
    const { text } = new Sealer([older]).seal('hello', 'a 1');
    const sealer = new Sealer([newer, older]);
    expect(sealer.open(text, 'older', 'a 1')).toBe('hello');
    expect(sealer.seal('hello', 'a 1').sealedWith).toBe('newer');
    expect([sealer.current, sealer.names, sealer.knows('older'), sealer.knows('other')]).toEqual([
      'newer',
      ['newer', 'older'],
      true,
      false,
    ]);
  });

  it('opens plain texts from before it had a key', () => {
    expect(new Sealer([key('k1')]).open('hello', null, 'a 1')).toBe('hello');
  });

  it('refuses a text in another place, whoever put it there', () => {
    const sealer = new Sealer([key('k1')]);
    const { text, sealedWith } = sealer.seal('hello', 'a 1');
    expect(() => sealer.open(text, sealedWith, 'a 2')).toThrow(unavailable);
  });

  it('refuses a text with any byte of it altered, or cut anywhere', () => {
    const sealer = new Sealer([key('k1')]);
    const { text, sealedWith } = sealer.seal('hello', 'a 1');
    const bytes = Buffer.from(text.slice(3), 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => sealer.open(`s1.${altered.toString('base64')}`, sealedWith, 'a 1')).toThrow(unavailable);
      const cut = `s1.${bytes.subarray(0, at).toString('base64')}`;
      expect(() => sealer.open(cut, sealedWith, 'a 1')).toThrow(unavailable);
    }
    expect(() => sealer.open('hello', sealedWith, 'a 1')).toThrow(unavailable);
  });

  it('refuses a text of a key that it does not have, and of another key by the same name', () => {
    const { text } = new Sealer([key('k1')]).seal('hello', 'a 1');
    expect(() => new Sealer([key('k2')]).open(text, 'k1', 'a 1')).toThrow(unavailable);
    expect(() => new Sealer([]).open(text, 'k1', 'a 1')).toThrow(unavailable);
    expect(() => new Sealer([key('k1')]).open(text, 'k1', 'a 1')).toThrow(unavailable);
  });
});
