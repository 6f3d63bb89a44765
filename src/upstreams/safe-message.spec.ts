import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cpuMsOf } from '../../test/support/thread-cpu.js';
import { safeMessage } from './safe-message.js';

const shown = (text: string, secrets: string[] = []): string | undefined => safeMessage(text, secrets);

describe('safeMessage', () => {
  it.each([
    "Invalid value for 'messages[0].content': expected a string, got null.",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages).",
    'gpt-4.1-mini does not support response_format.json_schema with tools.function.name',
    'tools.0.custom.name: String should match pattern',
    'prompt is too long: 208310 tokens > 200000 maximum',
    'Ungültige Anfrage: „temperature“ muss ≤ 2 sein',
  ])('leaves a useful text as it is: %s', (text) => {
    expect(shown(text)).toBe(text);
  });

  it.each([
    ['key sk-proj-abcDEF1234567890xyz is bad', 'sk-proj'],
    ['Incorrect API key provided: sk-ab***yz.', 'sk-ab'],
    ['header was "Bearer abc.def"', 'abc.def'],
    ['invalid key sk-ant-api03-AbCdEfGhIjKlMnOp', 'sk-ant'],
    ['see https://docs.claude.com/en/api/errors.', 'claude'],
    ['no route to 10.1.2.3:8080 via api.anthropic.com:443', 'anthropic'],
    ['token AIzaSyA1234567890abcdefghijklmnopqrstu', 'AIza'],
    ['hash 9f86d081884c7d659a2feaa0c55ad015', '9f86'],
    ['organization org-AbC123 has no access', 'org-AbC'],
    ['see https://internal.example.com/docs?key=1', 'internal'],
    ['connect ECONNREFUSED 10.1.2.3:8443', '10.1.2.3'],
    ['connect to [fe80::1]:80', 'fe80'],
    ['upstream llm-7.prod.internal failed', 'llm-7'],
    ['upstream localhost:11434 failed', '11434'],
    ['write to ops@example.org', 'ops@'],
    ['your-own-host said no', 'your-own-host'],
  ])('S29: hides what a client must not see: %s', (text, hidden) => {
    expect(shown(text, ['your-own-host', 'ab'])).not.toContain(hidden);
  });

  it('S27: turns control characters into spaces, so that a log line stays one line', () => {
    expect(shown('a\r\n\u001b[31mb\u2028c\u0000')).toBe('a [31mb c');
    expect(shown('two\r\nlines\u0000and\u2028more')).toBe('two lines and more');
  });

  it('caps the length, and gives nothing where no word is left', () => {
    expect(shown('word '.repeat(1_000))?.length).toBeLessThanOrEqual(500);
    expect(shown('')).toBeUndefined();
    expect(shown(' \n123 {}')).toBeUndefined();
  });

  it('S29: never shows a secret, wherever it stands', () => {
    const secret = fc.stringMatching(/^[a-zA-Z0-9]{12,40}$/);
    fc.assert(
      fc.property(fc.string({ maxLength: 600 }), secret, fc.string(), (before, key, after) => {
        expect(shown(before + key + after, [key]) ?? '').not.toContain(key);
      }),
    );
  });

  it('S49: takes linear time for any text', () => {
    const startedAtMs = performance.now();
    for (const text of ['a1', 'a.', 'a-', 'sk-*', '1.1.', 'x://', '[:', '@.', 'aaaa'])
      shown(text.repeat(1_000_000));
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });

  it('hides what mixes letters and digits, and looks at each character of it a few times', () => {
    expect(shown(`key ${'a'.repeat(30)}1 is bad`)).toBe('key [key] is bad');
    expect(shown(`key ${'a'.repeat(30)} is bad`)).toBe(`key ${'a'.repeat(30)} is bad`);
    expect(shown(`key ${'1'.repeat(30)} is bad`)).toBe(`key ${'1'.repeat(30)} is bad`);
    const cpu = cpuMsOf(() => {
      for (let i = 0; i < 10; i += 1) for (const text of ['=', '_']) shown(text.repeat(4_000));
    });
    // Each of the twenty took 17 ms.
    expect(cpu).toBeLessThan(120);
  });
});
