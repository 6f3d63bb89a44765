import { describe, expect, it } from '@jest/globals';
import {
  afterChunks,
  badResponse,
  contextLengthExceeded,
  errorOf,
  meaningOfStatus,
  rejectedRequest,
} from './upstream-failures.js';

describe('what a status of an upstream means', () => {
  it.each([
    [400, 'upstream_rejected_request', false, false],
    [401, 'upstream_error', true, true],
    [402, 'upstream_unavailable', true, true],
    [403, 'upstream_error', true, true],
    [404, 'upstream_error', true, true],
    [405, 'upstream_error', true, true],
    [408, 'upstream_timeout', false, false],
    [409, 'upstream_error', false, false],
    [413, 'upstream_rejected_request', false, false],
    [422, 'upstream_rejected_request', false, false],
    [429, 'upstream_rate_limited', true, false],
    [499, 'upstream_error', false, false],
    [500, 'upstream_error', false, false],
    [502, 'upstream_error', false, false],
    [503, 'upstream_unavailable', true, false],
    [504, 'upstream_timeout', false, false],
    [524, 'upstream_timeout', false, false],
    [529, 'upstream_unavailable', true, false],
    [599, 'upstream_error', false, false],
  ] as const)('U8, U9: %i is %s (safe to retry: %s, alert: %s)', (status, code, safeToRetry, alert) => {
    expect(errorOf(meaningOfStatus(status))).toMatchObject({ code, safeToRetry, alert });
  });
});

describe('what callers are told of their own fault', () => {
  it('U10: is the words that clients look for, with the upstream’s numbers', () => {
    const own = "This model's maximum context length is 8192 tokens, you asked for 9000.";
    expect(contextLengthExceeded(own).message).toBe(own);
    const { message, param } = contextLengthExceeded('prompt is too long: 9000 > 8192');
    expect(message).toMatch(/maximum context length\. prompt is too long: 9000 > 8192$/);
    expect(param).toBe('messages');
    expect(contextLengthExceeded(undefined, { param: 'prompt' })).toMatchObject({
      message: expect.stringMatching(/maximum context length\.$/),
      param: 'prompt',
    });
  });

  it('is a plain sentence where the upstream said nothing that can be shown', () => {
    expect(rejectedRequest(undefined).message).toBe("The model's provider rejected the request.");
    expect(rejectedRequest('Bad temperature.').message).toBe('Bad temperature.');
  });
});

describe('afterChunks', () => {
  it('U16: makes any failure unsafe to retry and keeps the rest of it', () => {
    const busy = errorOf(meaningOfStatus(429), { upstreamStatus: 200, retryAfterMs: 2_000 });
    expect(afterChunks(busy)).toMatchObject({
      code: 'upstream_rate_limited',
      message: busy.message,
      upstreamStatus: 200,
      retryAfterMs: 2_000,
      safeToRetry: false,
    });
    const bad = badResponse('not JSON');
    expect(afterChunks(bad)).toBe(bad);
  });
});
