import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { findJsonFault } from './json-fault.js';
import { MAX_JSON_DEPTH, MAX_JSON_ITEMS, MAX_JSON_VALUES, findExcessDepth, parseJson } from './json-guard.js';

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth);

async function thrown(text: string): Promise<ValidationFailedError> {
  try {
    await parseJson(text);
  } catch (error) {
    if (error instanceof ValidationFailedError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

async function refusal(text: string): Promise<[reason: string, position: number]> {
  const issue = (await thrown(text)).issues[0];
  if (issue.kind !== 'malformed_json') throw new Error(`was refused as ${issue.kind}`);
  return [issue.reason, issue.position];
}

describe('parseJson', () => {
  it('reads what JSON.parse reads', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(await parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([2000, 40_000, 1_000_000])('S10: refuses %i levels without a stack overflow', async (depth) => {
    expect(await refusal(nested(depth))).toEqual(['Nesting deeper than 200 levels', MAX_JSON_DEPTH]);
    expect((await refusal('{"a":'.repeat(depth)))[0]).toBe('Nesting deeper than 200 levels');
  });

  it('S10: takes 200 levels', async () => {
    await expect(parseJson(nested(MAX_JSON_DEPTH))).resolves.toHaveLength(1);
    await expect(parseJson(nested(MAX_JSON_DEPTH + 1))).rejects.toThrow(ValidationFailedError);
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

  it('S8: drops own __proto__ keys at every depth, however they are spelt', async () => {
    const text = '{"a":[{"__proto__":{"x":1},"b":{"\\u005f_proto_\\u005f":2,"c":3}}]}';
    expect(JSON.stringify(await parseJson(text))).toBe('{"a":[{"b":{"c":3}}]}');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('S13: of a repeated key the last counts', async () => {
    expect(await parseJson('{"model":"a","model":"b"}')).toEqual({ model: 'b' });
  });

  it('S16: mends half a surrogate pair and keeps whole ones', async () => {
    expect(await parseJson('["\\ud83d", {"a":"x\\udc00"}, "\\ud83d\\ude00", "\\u0000"]')).toEqual([
      '\ufffd',
      { a: 'x\ufffd' },
      '😀',
      '\u0000',
    ]);
  });

  it('mends half a surrogate pair in a key, at every depth; of keys that become one the last counts', async () => {
    const text = '{"\\ud83d":[{"x\\udc00":1,"y":{"\\ud800":"\\ud800"}}],"\\udfff":2,"\\ud83d\\ude00":3}';
    expect(await parseJson(text)).toEqual({ '\ufffd': 2, '😀': 3 });
    expect(await parseJson('[{"x\\udc00":1,"y":{"\\ud800":"\\ud800"}}]')).toEqual([
      { 'x\ufffd': 1, y: { '\ufffd': '\ufffd' } },
    ]);
  });

  it.each(['{"key": sk-secret}', 'sk-secret', '{"sk-secret"', '["sk-secret', '{"a":1} sk-secret'])(
    'S30: repeats nothing of %s',
    async (text) => {
      const { message, issues, body, cause } = await thrown(text);
      expect(issues).toHaveLength(1);
      expect(JSON.stringify({ message, issues, body, cause })).not.toContain('secret');
    },
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('parseJson of large texts', () => {
  const pad = 'x'.repeat(70_000);

  it('reads what JSON.parse reads, in slices', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4 }), fc.json(), async (one, other) => {
        fc.pre(!`${one}${other}`.includes('__proto__'));
        for (const text of [
          `[${one},"${pad}",[${other}, [${one},"${pad}"] ,${one}],${one}]`,
          ` {"a":${one},"b":{"c":["${pad}",${other}] , "d":${one}},"${pad}":${one},"b":[${other},"${pad}"]}\n`,
          `[${`${one},`.repeat(70_000 / one.length)}${other}]`,
        ]) {
          expect(await parseJson(text)).toEqual(JSON.parse(text));
        }
      }),
    );
  });

  it('refuses what JSON.parse refuses, for the reason and at the place of a small text', async () => {
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
      '\\',
      ' ',
      'null',
      '"b":2',
      '[]',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(token, { maxLength: 10 }), fc.nat(4), async (tokens, where) => {
        const rest = tokens.join('');
        const text = [
          `[["${pad}"],${rest}`,
          `{"a":["${pad}"],"b":1,${rest}`,
          `${rest}["${pad}"]`,
          `[${rest}["${pad}"]]`,
          `{"a":${rest}["${pad}"]}`,
        ][where]!;
        fc.pre(!isJson(text));
        const { reason, position } = findJsonFault(text);
        expect(await refusal(text)).toEqual([reason, position]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['[', ']', []],
    ['{', '}', {}],
    ['[[', '],1]', [[], 1]],
    ['{"a":{', '}}', { a: {} }],
  ])('reads white space without end between %s and %s', async (open, close, value) => {
    expect(await parseJson(`${open}${' \n'.repeat(100_000)}${close}`)).toEqual(value);
    expect(await parseJson(`${' \n'.repeat(100_000)}${open}${close}${' \n'.repeat(100_000)}`)).toEqual(value);
  });

  it('cleanses every slice', async () => {
    const text = `{"a":[{"__proto__":{"x":1}},"\\ud800"],"\\ud800":["${pad}"],"c":{"__proto__":["${pad}"]}}`;
    expect(await parseJson(text)).toEqual({ a: [{}, '\ufffd'], '\ufffd': [pad], c: {} });
  });

  it.each([
    ['objects', `[${'{},'.repeat(MAX_JSON_VALUES)}{}]`],
    ['texts', `[${'"",'.repeat(MAX_JSON_VALUES)}""]`],
    ['keys', `{${'"a":1,'.repeat(MAX_JSON_VALUES)}"a":1}`],
    ['numbers', `[${'1,'.repeat(MAX_JSON_ITEMS)}1,1]`],
  ])('refuses too many %s before any is built', async (_kind, text) => {
    await expect(parseJson(text)).rejects.toMatchObject({ code: 'request_too_large' });
  });

  it('takes two million token ids', async () => {
    const value = await parseJson(`{"prompt":[${'50256,'.repeat(2_000_000)}1]}`);
    expect((value as { prompt: number[] }).prompt).toHaveLength(2_000_001);
  });
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
