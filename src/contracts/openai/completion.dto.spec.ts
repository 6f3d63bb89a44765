import { describe, expect, it } from '@jest/globals';
import { formatPath } from '../validation/issue.js';
import { validateRequest } from '../validation/validate-request.js';
import { ValidationFailedError } from '../validation/validation.errors.js';
import { CompletionDto } from './completion.dto.js';

const surface = { streamOptionsWithoutStream: 'ignore', conversations: false } as const;
const completion = (extra: object): CompletionDto =>
  validateRequest(CompletionDto, { model: 'm', prompt: 'p', ...extra }, { surface });

/** `kind path` of every issue. */
function faults(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof ValidationFailedError)) throw error;
    return error.issues.map(({ kind, path }) => `${kind} ${formatPath(path)}`);
  }
}
const refused = (extra: object): string[] => faults(() => completion(extra));

describe('what a legacy completion may be', () => {
  it.each([['a'], [['a', 'b']], [[1, 2, 3]], [[[1], [2]]], ['']])(
    'case 90: accepts the prompt %j',
    (prompt) => {
      expect(completion({ prompt }).prompt).toEqual(prompt);
    },
  );

  it.each([
    ['case 90', { prompt: [] }, 'too_short prompt'],
    ['case 90', { prompt: [1, 'a'] }, 'wrong_type prompt[1]'],
    ['case 90', { prompt: [[]] }, 'too_short prompt[0]'],
    ['case 90', { prompt: ['a', 1] }, 'wrong_type prompt[1]'],
    ['case 90', { prompt: [1, -1] }, 'below prompt[1]'],
    ['case 90', { prompt: {} }, 'no_union_arm prompt'],
    ['case 91', { prompt: undefined }, 'missing prompt'],
    ['case 92', { logprobs: 6 }, 'above logprobs'],
    ['case 92', { n: 3, best_of: 2 }, 'conflict best_of'],
    ['case 92', { best_of: 2, stream: true }, 'conflict best_of'],
    ['case 92', { best_of: 21 }, 'above best_of'],
  ])('%s: refuses %j', (_row, extra, fault) => {
    expect(refused(extra)).toEqual([fault]);
  });

  it('case 92: accepts echo, suffix, logprobs, max_tokens 0', () => {
    expect(refused({ echo: true, suffix: 's', logprobs: 2, max_tokens: 0, best_of: 2, n: 2 })).toEqual([]);
  });
});
