import { describe, expect, it } from '@jest/globals';
import { safeVendorText } from './vendor-text.js';

describe('safeVendorText', () => {
  it.each([
    ['tools.0.custom.name: String should match pattern', 'tools.0.custom.name: String should match pattern'],
    [
      'prompt is too long: 208310 tokens > 200000 maximum',
      'prompt is too long: 208310 tokens > 200000 maximum',
    ],
    ['see https://docs.claude.com/en/api/errors.', 'see [url]'],
    ['invalid key sk-ant-api03-AbCdEfGhIjKlMnOp', 'invalid key [hidden]'],
    ['key AIzaSyA1234567890abcdefghij is bad', 'key [hidden] is bad'],
    ['no route to 10.1.2.3:8080 via api.anthropic.com:443', 'no route to [host] via [host]'],
    ['two\r\nlines\u0000and\u2028more', 'two lines and more'],
  ])('S29: %j becomes %j', (text, expected) => {
    expect(safeVendorText(text, [])).toBe(expected);
  });

  it('hides our own secrets whatever they look like, and keeps it short', () => {
    expect(safeVendorText('plain-word here', ['plain-word', ''])).toBe('[hidden] here');
    expect(safeVendorText('word '.repeat(10_000), [])).toHaveLength(301);
    expect(safeVendorText(' \n…', [])).toBeUndefined();
  });
});
