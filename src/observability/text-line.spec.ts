import { describe, expect, it } from '@jest/globals';
import { TextLine } from './text-line.js';

const TIME = new Date(2026, 11, 1, 12, 3, 4).getTime();
const line = (fields: object, coloured = false): string =>
  new TextLine(coloured).of(`${JSON.stringify({ level: 30, time: TIME, message: 'request', ...fields })}\n`);

describe('a line of the log as text', () => {
  it('tells time, level and message, then what the request was, then the fields by name', () => {
    expect(line({ key_id: 'key_1', method: 'POST', path: '/v1/x', status: 200, duration_ms: 12 })).toBe(
      '12:03:04 info  request POST /v1/x 200 key_id=key_1 duration_ms=12\n',
    );
  });

  it('quotes what has blanks, and shows lists and objects as JSON', () => {
    expect(line({ reason: 'it said: no', faults: ['a', 'b'] })).toBe(
      '12:03:04 info  request reason="it said: no" faults=["a","b"]\n',
    );
  });

  it.each([
    ['a second line', '/x\n12:03:04 info  request', '/x\\u{a}12:03:04 info  request'],
    ['a command to the terminal', '/\u001b[2J\u009b31m', '/\\u{1b}[2J\\u{9b}31m'],
    ['text that runs backwards', '/\u202egnp.exe', '/\\u{202e}gnp.exe'],
    ['a line that only Unicode ends', '/a\u2028b', '/a\\u{2028}b'],
  ])('lets no caller write %s', (_what, path, shown) => {
    expect(line({ path })).toBe(`12:03:04 info  request ${shown}\n`);
    expect(line({ [path]: path }).split('\n')).toHaveLength(2);
    expect(line({ message: path })).toContain(shown);
  });

  it('sets the stack of an error in, whatever its message holds', () => {
    const text = line({
      level: 50,
      err: { type: 'Error', stack: 'Error: a\n12:03:04 info\u001b[31m\n  at b' },
    });
    expect(text).toBe('12:03:04 error request\n    Error: a\n    12:03:04 info\\u{1b}[31m\n      at b\n');
  });

  it('has the colours of a terminal only where it is told to', () => {
    expect(line({ key_id: 'key_1' })).not.toContain('\u001b');
    expect(line({ key_id: 'key_1' }, true)).toContain('\u001b[32minfo ');
  });
});
