import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { findJsonFault } from './json-fault.js';
import { MAX_JSON_DEPTH, findExcessDepth, parseJson } from './json-guard.js';

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth);

function thrown(text: string): ValidationFailedError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof ValidationFailedError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

function refusal(text: string): [reason: string, position: number] {
  const issue = thrown(text).issues[0];
  if (issue.kind !== 'malformed_json') throw new Error(`was refused as ${issue.kind}`);
  return [issue.reason, issue.position];
}

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([2000, 40_000, 1_000_000])('S10: refuses %i levels without a stack overflow', (depth) => {
    expect(refusal(nested(depth))).toEqual(['Nesting deeper than 200 levels', MAX_JSON_DEPTH]);
    expect(refusal('{"a":'.repeat(depth))[0]).toBe('Nesting deeper than 200 levels');
  });

  it('S10: takes 200 levels', () => {
    expect(() => parseJson(nested(MAX_JSON_DEPTH))).not.toThrow();
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 1))).toThrow(ValidationFailedError);
  });

  it('S10: counts no brackets inside strings, whatever is escaped there', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('[', '{', '"', '\\', 'a', ']', '\n', 'é')), (pieces) => {
        const text = JSON.stringify({ a: pieces.join('').padEnd(300, '['), b: [] });
        expect(findExcessDepth(text, 2)).toBe(-1);
        expect(findExcessDepth(text, 1)).toBe(text.length - 3);
      }),
    );
  });

  it('S8: drops own __proto__ keys at every depth, however they are spelt', () => {
    const text = '{"a":[{"__proto__":{"x":1},"b":{"\\u005f_proto_\\u005f":2,"c":3}}]}';
    expect(JSON.stringify(parseJson(text))).toBe('{"a":[{"b":{"c":3}}]}');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('S13: of a repeated key the last counts', () => {
    expect(parseJson('{"model":"a","model":"b"}')).toEqual({ model: 'b' });
  });

  it('S16: mends half a surrogate pair and keeps whole ones', () => {
    expect(parseJson('["\\ud83d", {"a":"x\\udc00"}, "\\ud83d\\ude00", "\\u0000"]')).toEqual([
      '\ufffd',
      { a: 'x\ufffd' },
      '😀',
      '\u0000',
    ]);
  });

  it.each(['{"key": sk-secret}', 'sk-secret', '{"sk-secret"', '["sk-secret', '{"a":1} sk-secret'])(
    'S30: repeats nothing of %s',
    (text) => {
      const { message, issues, body, cause } = thrown(text);
      expect(issues).toHaveLength(1);
      expect(JSON.stringify({ message, issues, body, cause })).not.toContain('secret');
    },
  );
});

/** Expected values are those of Python 3.11's `json.loads`. */
describe('findJsonFault', () => {
  it.each([
    ['{', 'Expecting property name enclosed in double quotes', 1],
    ['', 'Expecting value', 0],
    ['   ', 'Expecting value', 3],
    ['[1,]', 'Expecting value', 3],
    ['{"a":1,}', 'Expecting property name enclosed in double quotes', 7],
    ['{"a" 1}', "Expecting ':' delimiter", 5],
    ['{"a":1 "b":2}', "Expecting ',' delimiter", 7],
    ['{"a":}', 'Expecting value', 5],
    ['[1 2]', "Expecting ',' delimiter", 3],
    ['{} {}', 'Extra data', 3],
    ['"abc', 'Unterminated string starting at', 0],
    ['"a\nb"', 'Invalid control character at', 2],
    ['"\\x"', 'Invalid \\escape', 1],
    ['"\\u12"', 'Invalid \\uXXXX escape', 2],
    ['01', 'Extra data', 1],
    ['NaN', 'Expecting value', 0],
    ["{'a':1}", 'Expecting property name enclosed in double quotes', 1],
  ])('%j', (text, reason, position) => {
    expect(findJsonFault(text)).toEqual({ reason, position });
  });

  it('finds a fault within every text that JSON.parse refuses', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '1',
      '-',
      '\\',
      ' ',
      'null',
      'é',
      '.',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 10 }), (tokens) => {
        const text = tokens.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        fc.pre(!valid);
        const { reason, position } = findJsonFault(text);
        expect(reason).not.toBe('');
        expect(position).toBeLessThanOrEqual(text.length);
        // `Extra data` at the very end would mean that no fault was found.
        expect(reason === 'Extra data' && position === text.length).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});
