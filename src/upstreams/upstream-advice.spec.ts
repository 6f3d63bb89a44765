import { describe, expect, it } from '@jest/globals';
import { upstreamAdvice } from './upstream-advice.js';
import { UpstreamError } from './upstream.errors.js';

const WHERE = { baseUrl: 'http://127.0.0.1:11434', apiKey: undefined };
const ofStatus = (upstreamStatus: number) => new UpstreamError('upstream_error', 'x', { upstreamStatus });
const ofCode = (code: string) =>
  new UpstreamError('upstream_unavailable', 'x', { cause: Object.assign(new Error('x'), { code }) });

describe('upstreamAdvice', () => {
  it.each([
    [404, WHERE, 'try http://127.0.0.1:11434/v1'],
    [404, { ...WHERE, baseUrl: 'http://a.test/v1' }, 'the model id of the route'],
    [404, { ...WHERE, baseUrl: 'https://a.test/v1beta/openai' }, 'the model id of the route'],
    [401, WHERE, 'set its api_key'],
    [403, { ...WHERE, apiKey: 'k' }, 'check its api_key'],
    [402, WHERE, 'out of funds'],
    [307, WHERE, 'Redirects are not followed'],
  ])('on status %s', (status, where, advice) => {
    const told = upstreamAdvice(where, '/models', ofStatus(status));
    expect(told).toMatchObject({ url: `${where.baseUrl}/models`, came: `HTTP status ${status}` });
    expect(told.advice).toContain(advice);
  });

  it.each([
    ['ECONNREFUSED', 'Nothing listens at 127.0.0.1:11434'],
    ['ENOTFOUND', 'No host has the name 127.0.0.1'],
    ['UND_ERR_CONNECT_TIMEOUT', 'cannot be reached'],
    ['EHOSTUNREACH', 'cannot be reached'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['HPE_INVALID_CONSTANT', 'try https://'],
  ])('on %s', (code, advice) => {
    expect(upstreamAdvice(WHERE, '', ofCode(code)).advice).toContain(advice);
  });

  it('finds the reason of the network within an error of several attempts', () => {
    const inner = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
    const cause = new Error('outer', { cause: new AggregateError([inner]) });
    const error = new UpstreamError('upstream_unavailable', 'x', { cause });
    expect(upstreamAdvice(WHERE, '', error).came).toBe('ECONNREFUSED');
  });

  it('on an answer that is none of the protocol', () => {
    const error = new UpstreamError('upstream_bad_response', 'x', { upstreamStatus: 200 });
    expect(upstreamAdvice(WHERE, '', error).advice).toContain('/v1');
  });

  it('has none for the upstream’s own trouble', () => {
    expect(upstreamAdvice(WHERE, '', ofStatus(503)).advice).toBeUndefined();
    expect(
      upstreamAdvice({ baseUrl: undefined, apiKey: 'k' }, '', ofCode('ECONNRESET')).advice,
    ).toBeUndefined();
  });
});
