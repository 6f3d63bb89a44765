import { describe, expect, it } from '@jest/globals';
import { toNetworkError } from './network-error.js';

function failure(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.7:443`), { code });
}

describe('toNetworkError', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'CERT_HAS_EXPIRED'])(
    'U1, U2: %s came before anything was sent, so another attempt is safe',
    (code) => {
      expect(toNetworkError(failure(code), 'request')).toMatchObject({
        code: 'upstream_unavailable',
        safeToRetry: true,
      });
    },
  );

  it.each(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE'])(
    'U5: %s may have come after the upstream began to work',
    (code) => {
      expect(toNetworkError(failure(code), 'request')).toMatchObject({
        code: 'upstream_unavailable',
        safeToRetry: false,
      });
    },
  );

  it('U12, U17: any of them within the answer makes it no answer', () => {
    expect(toNetworkError(failure('ECONNRESET'), 'answer')).toMatchObject({
      code: 'upstream_bad_response',
      safeToRetry: false,
    });
  });

  it('U2: takes a connection that was not made in time for an upstream that is away', () => {
    expect(toNetworkError(failure('UND_ERR_CONNECT_TIMEOUT'), 'request')).toMatchObject({
      code: 'upstream_unavailable',
      safeToRetry: true,
    });
  });

  it('S29: never shows the host, and keeps the original for the log', () => {
    const original = failure('ECONNREFUSED');
    const error = toNetworkError(original, 'request');
    expect(error.message).not.toContain('10.0.0.7');
    expect(error.cause).toBe(original);
  });
});
