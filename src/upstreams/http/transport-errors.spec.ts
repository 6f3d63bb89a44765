import { describe, expect, it } from '@jest/globals';
import { errors } from 'undici';
import { errorFromTransport, isClosedConnection } from './transport-errors.js';

function failure(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.7:443`), { code });
}

describe('errorFromTransport', () => {
  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'CERT_HAS_EXPIRED',
    'UND_ERR_CONNECT_TIMEOUT',
    'ETIMEDOUT',
    'UND_ERR_CLOSED',
    'UND_ERR_DESTROYED',
  ])('U1, U2: %s came before anything was sent, so another attempt is safe', (code) => {
    expect(errorFromTransport(failure(code), 'connecting')).toMatchObject({
      code: 'upstream_unavailable',
      safeToRetry: true,
    });
  });

  it.each(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE', 'UND_ERR_DESTROYED'])(
    'U5: %s may have come after the upstream began to work',
    (code) => {
      expect(errorFromTransport(failure(code), 'sent')).toMatchObject({
        code: 'upstream_error',
        safeToRetry: false,
      });
    },
  );

  it.each([
    ['U12, U18', 'UND_ERR_SOCKET', 'upstream_bad_response'],
    ['U17', 'ECONNRESET', 'upstream_error'],
    ['U3', 'ETIMEDOUT', 'upstream_timeout'],
  ])('%s: %s within the answer is %s', (_, code, expected) => {
    expect(errorFromTransport(failure(code), 'answering')).toMatchObject({
      code: expected,
      safeToRetry: false,
    });
  });

  it('U11: takes what is no HTTP for an answer that cannot be understood', () => {
    const error = errorFromTransport(
      Object.assign(new errors.HTTPParserError('bad'), { data: 'my secret' }),
      'sent',
    );
    expect(error.code).toBe('upstream_bad_response');
    expect(JSON.stringify(error.cause)).not.toContain('my secret');
  });

  it('S29: never shows the host, and keeps the original for the log', () => {
    const original = failure('ECONNREFUSED');
    const error = errorFromTransport(original, 'connecting');
    expect(error.message).not.toContain('10.0.0.7');
    expect(error.cause).toBe(original);
  });
});

describe('isClosedConnection', () => {
  it('U4: is true of what a stale keep-alive connection does, and of nothing else', () => {
    const codes = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_DESTROYED', 'ECONNREFUSED', 'ETIMEDOUT'];
    expect(codes.filter((code) => isClosedConnection(failure(code)))).toEqual(codes.slice(0, 3));
  });
});
