import { describe, expect, it, jest } from '@jest/globals';
import { finishReasonReader } from './finish-reason.js';
import type { ModelFinishReason } from './language-model.js';

const onUnknown = jest.fn();
const read = finishReasonReader({ failedFinishReasons: ['OTHER'] }, onUnknown);

describe('finishReasonReader', () => {
  it.each([
    ['stop', 'end_turn', 'stop'],
    ['length', 'model_context_window_exceeded', 'length'],
    ['tool-calls', 'tool_use', 'tool_calls'],
    ['content-filter', 'refusal', 'content_filter'],
  ] as const)('%s (%s) is %s', (unified, raw, expected) => {
    expect(read({ unified, raw })).toBe(expected);
  });

  it.each([
    ['error', 'MALFORMED_FUNCTION_CALL'],
    ['other', 'OTHER'],
  ] as const)('%s (%s) is a failure', (unified, raw) => {
    expect(() => read({ unified, raw })).toThrow(expect.objectContaining({ code: 'upstream_error' }));
  });

  it.each(['stop', 'interrupted', 'other'] as ModelFinishReason['unified'][])(
    'U18: %s without a reason of the vendor is an answer broken off',
    (unified) => {
      expect(() => read({ unified, raw: undefined })).toThrow(
        expect.objectContaining({ code: 'upstream_bad_response' }),
      );
    },
  );

  it('takes a reason that nobody knows for a stop and says so', () => {
    expect(read({ unified: 'other', raw: 'bored' })).toBe('stop');
    expect(onUnknown).toHaveBeenCalledWith('bored');
  });
});
