import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SseDecoder, SseEventTooLargeError } from './sse-decode.js';

type Event = [data: string, name: string];

function decode(reads: Iterable<Uint8Array>, maxEventBytes?: number): Event[] {
  const events: Event[] = [];
  const decoder = new SseDecoder((data, name) => events.push([data, name]), maxEventBytes);
  for (const read of reads) decoder.push(read);
  decoder.end();
  return events;
}

function dataOf(text: string): string[] {
  return decode([Buffer.from(text)]).map(([data]) => data);
}

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Every trick of row U22 in one recording, with characters of two, three and four bytes. */
const RECORDED = Buffer.from(
  '\uFEFF: hello\r\n\r\ndata: {"a":"é漢🙂"}\r\n\r\n' +
    'id: 7\nretry: 10\ndata:no space\n\n' +
    'data: one\rdata: two\r\r' +
    'event: error\ndata: {"error":1}\n\n' +
    ':\n\ndata\n\ndata: 🙂\n\n: bye\ndata:  two spaces\n\nunknown: x\ndata: [DONE]',
);
const RECORDED_EVENTS: Event[] = [
  ['{"a":"é漢🙂"}', ''],
  ['no space', ''],
  ['one\ntwo', ''],
  ['{"error":1}', 'error'],
  ['', ''],
  ['🙂', ''],
  [' two spaces', ''],
  ['[DONE]', ''],
];

describe('SseDecoder', () => {
  it('U22: reads CRLF, CR, comments, event, id, BOM, data without space, several data lines', () => {
    expect(decode([RECORDED])).toEqual(RECORDED_EVENTS);
  });

  it('U20: gives the same events when the bytes are cut in two at any position', () => {
    for (let at = 0; at <= RECORDED.length; at += 1)
      expect(decode([RECORDED.subarray(0, at), RECORDED.subarray(at)])).toEqual(RECORDED_EVENTS);
  });

  it('U20: gives the same events one byte at a time, and in empty reads', () => {
    expect(decode(pieces(RECORDED, 1))).toEqual(RECORDED_EVENTS);
    expect(decode([Buffer.alloc(0), RECORDED, Buffer.alloc(0)])).toEqual(RECORDED_EVENTS);
  });

  it('U20, U22: any events, in any line ends and any cuts, come out as they went in', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 40 })
      .map((text) => text.replaceAll(/[\r\n\uFEFF]/g, ''));
    fc.assert(
      fc.property(
        fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 8 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 12 }),
        (events, newline, bom, comments, cuts) => {
          const text = events
            .map((lines) => lines.map((data) => `data: ${data}${newline}`).join('') + newline)
            .join(comments ? `: ping${newline}${newline}` : '');
          const bytes = Buffer.from((bom ? '\uFEFF' : '') + text);
          const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
          const reads = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
          expect(decode(reads).map(([data]) => data)).toEqual(events.map((lines) => lines.join('\n')));
        },
      ),
    );
  });

  it('never takes two LF in two reads for one CRLF', () => {
    expect(decode(['data: a\r', '\n\r', '\ndata: b\n', '\n'].map((read) => Buffer.from(read)))).toEqual([
      ['a', ''],
      ['b', ''],
    ]);
  });

  it('delivers a last event that lacks its blank line, and one that lacks its line end', () => {
    expect(dataOf('data: a\n\ndata: b\n')).toEqual(['a', 'b']);
    expect(dataOf('data: a\n\ndata: b')).toEqual(['a', 'b']);
  });

  it('knows no event in fields that only begin like data, nor in blocks without data', () => {
    expect(dataOf('database: x\n\ndat: y\n\nevent: ping\n\nid: 1\n\n\n\n')).toEqual([]);
  });

  it('forgets the name of an event that had no data', () => {
    expect(decode([Buffer.from('event: error\n\ndata: x\n\n')])).toEqual([['x', '']]);
  });

  it('accepts a Uint8Array that is a window of a larger buffer', () => {
    const window = new Uint8Array(Buffer.from('xxdata: a\n\nxx')).subarray(2, 11);
    expect(decode([window])).toEqual([['a', '']]);
  });

  it('U21: passes one event of 5 MB in reads of 16 KiB and of 1 KiB', () => {
    const text = 'é'.repeat(2_500_000);
    const bytes = Buffer.from(`data: ${text}\n\n`);
    for (const size of [16_384, 1_024]) {
      const events = decode(pieces(bytes, size));
      expect(events.length).toBe(1);
      expect(events[0]?.[0] === text).toBe(true);
    }
  });

  it.each(['\n', '\r', '\r\n'])('U21: passes 100,000 events in one read (line end %j)', (newline) => {
    const bytes = Buffer.from(`data: {"n":1}${newline}${newline}`.repeat(100_000));
    let seen = 0;
    const decoder = new SseDecoder(() => {
      seen += 1;
    });
    decoder.push(bytes);
    expect(seen).toBe(100_000);
  });

  it('U21: refuses an event above its limit: in one line, without a line end, and in many lines', () => {
    const limit = 1_000;
    const longest = `data: ${'x'.repeat(limit - 6)}`;
    expect(decode([Buffer.from(`${longest}\n\n`)], limit)).toHaveLength(1);
    const tooLarge = [
      `${longest}xx\n\n`,
      `data: ${'x'.repeat(2 * limit)}`,
      'data:\n'.repeat(100),
      `: ${'x'.repeat(2 * limit)}`,
    ];
    for (const text of tooLarge)
      expect(() => decode(pieces(Buffer.from(text), 7), limit)).toThrow(SseEventTooLargeError);
  });
});
