import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/errors/domain-error.js';
import type { ErrorCode } from '../common/errors/error-code.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { ERROR_GUIDE } from './error-guide.js';
import { ERROR_TABLE, wireError } from './error-table.js';
import { renderError } from './render-error.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI } from './surface.js';

const CODES = Object.keys(ERROR_TABLE) as ErrorCode[];

/** The row of docs/errors.md: name, status per surface, `type` / `code`, headers, meaning, advice. */
function rowOf(code: ErrorCode): string[] {
  const error =
    code === 'validation_failed'
      ? new ValidationFailedError([{ kind: 'missing', path: ['model'], input: {} }], {})
      : new DomainError(code, ERROR_GUIDE[code].message);
  const statuses = [WATERFLAI, QOLABA, LIGHTNINGROD].map((surface) =>
    String(renderError(error, surface).status),
  );
  const { type, code: wireCode, retryAfter, shouldRetry } = wireError(code);
  const headers = [retryAfter && '`retry-after`', shouldRetry === false && '`x-should-retry: false`'];
  return [
    `\`${code}\``,
    ...statuses,
    `\`${type}\` / ${code === 'validation_failed' ? 'the rule' : `\`${wireCode}\``}`,
    headers.filter(Boolean).join(', '),
    ERROR_GUIDE[code].meaning,
    ERROR_GUIDE[code].advice,
  ];
}

describe('docs/errors.md', () => {
  const rows = readFileSync('docs/errors.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));

  it('has one row for every failure, and no other', () => {
    expect(rows.map(([name]) => name).toSorted()).toEqual(CODES.map((code) => `\`${code}\``).toSorted());
  });

  it.each(CODES)('tells of %s what the gateway answers', (code) => {
    expect(rows.find(([name]) => name === `\`${code}\``)).toEqual(rowOf(code));
  });
});

describe('ERROR_GUIDE', () => {
  it.each(CODES)('explains %s in sentences', (code) => {
    const { message, meaning, advice } = ERROR_GUIDE[code];
    expect(message).not.toBe('');
    for (const text of [meaning, advice]) expect(text).toMatch(/^[A-Z].+[.:)`]$/);
  });
});
