import { describe, expect, it } from '@jest/globals';
import { UpstreamError } from '../../upstream.errors.js';
import { toUpstreamError } from './errors.js';
import { VENDORS } from './vendors.js';

const KEY = 'sk-ant-secret-secret-secret';

function read(error: unknown, vendor: keyof typeof VENDORS = 'anthropic'): UpstreamError {
  return toUpstreamError(error, {
    vendor: VENDORS[vendor],
    secrets: [KEY, 'upstream.example'],
    nowMs: Date.parse('2026-01-01T00:00:00Z'),
  });
}

function apiError(statusCode: number, message = 'boom', more: object = {}): Error {
  const fields = {
    statusCode,
    url: 'https://upstream.example/v1',
    requestBodyValues: { prompt: 'my secret' },
  };
  return Object.assign(new Error(message), { name: 'AI_APICallError', ...fields, ...more });
}

function wait(more: object): number | undefined {
  return read(apiError(429, 'slow', more)).retryAfterMs;
}

describe('toUpstreamError', () => {
  it.each([
    [200, 'upstream_bad_response', false, false],
    [301, 'upstream_bad_response', true, true],
    [400, 'upstream_rejected_request', false, false],
    [401, 'upstream_error', true, true],
    [422, 'upstream_rejected_request', false, false],
    [429, 'upstream_rate_limited', true, false],
    [500, 'upstream_error', false, false],
    [529, 'upstream_unavailable', true, false],
  ] as const)('U8: %i is %s (safe to retry: %s, alert: %s)', (status, code, safeToRetry, alert) => {
    expect(read(apiError(status))).toMatchObject({ code, safeToRetry, alert, upstreamStatus: status });
  });

  it('U6: says when to come back, by header or by RetryInfo', () => {
    expect(wait({ responseHeaders: { 'retry-after': '7' } })).toBe(7_000);
    expect(wait({ responseHeaders: { 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' } })).toBe(30_000);
    expect(wait({ responseBody: '{"details":[{"retryDelay":"34.07s"}]}' })).toBe(34_070);
    expect(wait({})).toBeUndefined();
  });

  it.each([
    ['anthropic', 'prompt is too long: 208310 tokens > 200000 maximum'],
    ['anthropic', 'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000'],
    ['google', 'The input token count (1206834) exceeds the maximum number of tokens allowed (1048576).'],
  ] as const)('U10: %s says the context is too long: %s', (vendor, message) => {
    const error = read(apiError(400, message), vendor);
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect(error.message).toContain('maximum context length');
    expect(error.message).toContain(message.slice(-20));
  });

  it.each([
    ['anthropic', 'Your credit balance is too low to access the Anthropic API.', 'invalid_request_error'],
    ['anthropic', 'This organization has been disabled.', 'invalid_request_error'],
    ['anthropic', 'Payment failed', 'billing_error'],
    ['google', 'API key not valid. Please pass a valid API key.', 'INVALID_ARGUMENT'],
    ['google', 'User location is not supported for the API use.', 'FAILED_PRECONDITION'],
  ] as const)(
    'U9: a 400 of %s that is the operator’s affair never reaches the caller: %s',
    (vendor, message, type) => {
      const error = read(apiError(400, message, { data: { error: { type, message } } }), vendor);
      expect(error).toMatchObject({ code: 'upstream_error', alert: true });
      expect(error.message).not.toContain(message);
    },
  );

  it('S29: shows neither key nor host nor URL, and logs no prompt', () => {
    const error = read(apiError(400, `bad key ${KEY} at https://upstream.example/v1 or 10.1.2.3:80`));
    expect(error.message).not.toMatch(/secret|upstream\.example|10\.1\.2\.3/);
    expect(error.cause).toBeUndefined();
  });

  it('unwraps our own errors from what the packages make of them', () => {
    const ours = new UpstreamError('upstream_timeout', 'late');
    expect(read(ours)).toBe(ours);
    expect(read(apiError(200, 'Failed', { cause: Object.assign(new Error('x'), { cause: ours }) }))).toBe(
      ours,
    );
  });

  it('reads the error part of a stream by its status', () => {
    expect(
      read({ message: 'Overloaded', type: 'overloaded_error', statusCode: 529, data: {} }),
    ).toMatchObject({
      code: 'upstream_unavailable',
      safeToRetry: true,
    });
  });

  it('names what a package does not support, and takes anything else for an unreadable answer', () => {
    const unsupported = Object.assign(new Error('x'), {
      name: 'AI_UnsupportedFunctionalityError',
      functionality: 'media type: audio/wav',
    });
    expect(read(unsupported)).toMatchObject({
      code: 'upstream_rejected_request',
      message: 'This model does not support: media type: audio/wav.',
    });
    const parse = Object.assign(new Error('JSON parsing failed: Text: my secret'), {
      name: 'AI_JSONParseError',
    });
    expect(read(parse)).toMatchObject({
      code: 'upstream_bad_response',
      cause: expect.objectContaining({ code: 'AI_JSONParseError' }),
    });
    expect(String(read(parse).cause)).not.toContain('my secret');
    expect(read(undefined).code).toBe('upstream_bad_response');
  });
});
