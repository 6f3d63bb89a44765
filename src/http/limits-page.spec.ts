import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { MAX_JSON_DEPTH } from './json-guard.js';
import * as limits from '../contracts/validation/limits.js';

describe('docs/limits.md', () => {
  it('names every limit on a request with its number', async () => {
    const page = await readFile(new URL('../../docs/limits.md', import.meta.url), 'utf8');
    // Told nobody: it bounds an answer, not a request.
    const { MAX_ISSUES: _ofAnAnswer, ...ofRequests } = limits;
    const numbers = new Set(page.match(/\d+/g)?.map(Number));
    const missing = Object.entries({ ...ofRequests, MAX_JSON_DEPTH }).filter(
      ([, limit]) => !numbers.has(limit),
    );
    expect(missing).toEqual([]);
  });
});
