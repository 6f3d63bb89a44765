import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { EventMeter } from './event-meter.js';

function heldAfter(...reads: string[]): number {
  const meter = new EventMeter();
  return reads.map((read) => meter.add(Buffer.from(read))).at(-1) ?? 0;
}

describe('EventMeter', () => {
  it.each([
    ['data: a\n\ndata: b', 7],
    ['data: a\r\n\r\ndata: b', 7],
    ['data: a\n\n', 0],
    ['data: a\ndata: b\n', 16],
    ['data: a\r\n\n', 0],
    ['\n', 1],
  ])('U21: of %j it holds %i bytes', (text, expected) => {
    expect(heldAfter(text)).toBe(expected);
  });

  it('U20: says the same in whatever cut the bytes come', () => {
    const text = fc
      .array(fc.constantFrom('a', '\n', '\r\n', '\n\n', '\r\n\r\n', ': é'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), (whole, sizes) => {
        const bytes = Buffer.from(whole);
        const meter = new EventMeter();
        let held = 0;
        for (let at = 0; at < bytes.length;) {
          const size = sizes.next().value ?? 1;
          held = meter.add(bytes.subarray(at, at + size));
          at += size;
        }
        expect(held).toBe(heldAfter(whole));
      }),
    );
  });
});
