import { describe, expect, it } from '@jest/globals';
import { UpstreamError } from '../../upstream.errors.js';
import { finishReasonReader } from './finish-reason.js';

describe('finishReasonReader', () => {
  const unknown: string[] = [];
  const read = finishReasonReader((reason) => unknown.push(reason));

  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'tool_calls'],
    ['content_filter', 'content_filter'],
    ['function_call', 'function_call'],
    ['end_turn', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['model_length', 'length'],
    [null, null],
    [undefined, null],
    ['', null],
    [7, null],
  ])('reads %p as %p', (value, expected) => {
    expect(read(value)).toBe(expected);
    expect(unknown).toEqual([]);
  });

  it.each(['error', 'abort', 'insufficient_system_resource'])('takes %s for a failure', (value) => {
    expect(() => read(value)).toThrow(UpstreamError);
  });

  it.each(['whatever', 'constructor', 'x'.repeat(100)])(
    'takes an unknown reason for stop, and tells: %s',
    (value) => {
      expect(read(value)).toBe('stop');
      expect(unknown.at(-1)).toBe(value.slice(0, 64));
    },
  );
});
