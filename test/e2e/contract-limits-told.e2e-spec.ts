import { describe, expect, it } from '@jest/globals';
import { stall } from '../support/fake-upstream-replies.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, completionBody, Q, SURFACES, W } from '../support/wire-surfaces.js';

const PREFLIGHT = {
  authorization: undefined,
  origin: 'https://app.example',
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization',
};

function left(response: Response): number {
  return Number(response.headers.get('x-ratelimit-remaining-tokens'));
}

describe('tokens a minute', () => {
  const app = useWireApp();

  const keyWith = async (tokensPerMinute: number, credits?: bigint) => {
    const { secret } = await app.tollgate.newKey({ tokensPerMinute }, credits);
    return { authorization: `Bearer ${secret}` };
  };

  it.each(SURFACES)('what is left counts the request that asks ($name)', async ({ chat, completions }) => {
    for (const stream of [false, true]) {
      for (const [path, body] of [
        [chat, chatBody({ stream })],
        [chat, chatBody({ stream, max_tokens: 100 })],
        [completions, completionBody({ stream, max_tokens: 100 })],
        [completions, completionBody({ stream, max_tokens: 100, model: 'test/native' })],
      ] as const) {
        const response = await app.tollgate.post(path, body, await keyWith(1_000));
        expect(response.status).toBe(200);
        await response.text();
        expect(left(response)).toBeLessThanOrEqual('max_tokens' in body ? 900 : 999);
        expect(response.headers.get('x-ratelimit-limit-tokens')).toBe('1000');
        expect(response.headers.get('x-ratelimit-reset-tokens')).not.toBe('0s');
      }
    }
  });

  it('and nothing of one that is refused for its credits', async () => {
    const response = await app.tollgate.post(Q.chat, chatBody({ max_tokens: 100 }), await keyWith(1_000, 0n));
    expect(response.status).toBe(429);
    expect(left(response)).toBe(1_000);
  });

  it.each(SURFACES)('a request that can never fit is refused for good ($name)', async (surface) => {
    for (const [limit, path, body, requested] of [
      [5, surface.chat, chatBody({ max_tokens: 50 }), 54],
      [5, surface.chat, chatBody({ max_completion_tokens: 50, stream: true }), 54],
      [100, surface.chat, chatBody({ max_tokens: 40, n: 3 }), 124],
      [5, surface.completions, completionBody({ max_tokens: 50 }), undefined],
      [
        100,
        surface.chat,
        chatBody({ messages: [{ role: 'user', content: 'word '.repeat(500) }] }),
        undefined,
      ],
    ] as const) {
      const headers = await keyWith(limit);
      for (let i = 0; i < 2; i += 1) {
        const response = await app.tollgate.post(path, body, headers);
        const said = requested ?? '\\d+';
        await expectFailure(response, surface, 429, {
          message: expect.stringMatching(
            new RegExp(
              `^Request too large for test/model on tokens per min \\(TPM\\): Limit ${limit}, Requested ${said}\\. `,
            ),
          ),
          type: 'tokens',
          param: null,
          code: 'rate_limit_exceeded',
        });
        expect(response.headers.get('x-should-retry')).toBe('false');
        expect(response.headers.get('retry-after')).toBeNull();
        expect(left(response)).toBe(limit);
      }
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('whoever is told to wait is told at most a minute, the same in words and header', async () => {
    const headers = await keyWith(20);
    // Without a limit of its own it is let in, and uses three minutes' worth.
    const first = await app.tollgate.post(W.chat, chatBody({ model: 'sandbox/chat' }), headers);
    expect(first.status).toBe(200);
    for (const maxTokens of [1, 10]) {
      const second = await app.tollgate.post(W.chat, chatBody({ max_tokens: maxTokens }), headers);
      expect(second.status).toBe(429);
      const { error } = (await second.json()) as { error: { message: string } };
      const seconds = Number(/Please try again in (\d+)s\.$/.exec(error.message)?.[1]);
      expect(seconds).toBe(Number(second.headers.get('retry-after')));
      expect(seconds).toBeLessThanOrEqual(60);
    }
  });

  it.each(SURFACES)('credits that do not suffice are no matter of waiting ($name)', async (surface) => {
    const response = await app.tollgate.post(surface.chat, chatBody(), await keyWith(100_000, 0n));
    await expectFailure(response, surface, 429, { code: 'insufficient_quota' });
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(response.headers.get('retry-after')).toBeNull();
    expect(response.headers.get('retry-after-ms')).toBeNull();
  });

  it('a limit that passes still says when', async () => {
    const headers = await keyWith(100);
    app.upstream.enqueue(stall());
    const leaving = new AbortController();
    const open = fetch(`${app.tollgate.origin}${W.chat}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(chatBody({ max_tokens: 80 })),
      signal: leaving.signal,
    }).catch(() => undefined);
    await app.upstream.nextRequest();
    const refused = await app.tollgate.post(W.chat, chatBody({ max_tokens: 80 }), headers);
    leaving.abort();
    await open;
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('OPTIONS', () => {
  const app = useWireApp();
  const ask = (path: string, headers: Record<string, string | undefined> = { authorization: undefined }) =>
    app.tollgate.request('OPTIONS', path, { headers });

  it.each([
    ['/v1/chat/completions', 'GET, HEAD, OPTIONS, POST'],
    ['/api/v1/chat/completions', 'OPTIONS, POST'],
    ['/api/public/v1/openai/completions/', 'OPTIONS, POST'],
    ['/v1/models', 'GET, HEAD, OPTIONS'],
    ['/v1/models/google%2Fgemini-2.5-flash', 'DELETE, GET, HEAD, OPTIONS'],
    ['/health/live', 'GET, HEAD, OPTIONS'],
  ])('%s tells the methods that it has', async (path, methods) => {
    for (const headers of [undefined, PREFLIGHT]) {
      const response = await ask(path, headers);
      expect([response.status, response.headers.get('allow')]).toEqual([200, methods]);
    }
  });

  it('says of a path that is none what any other method says', async () => {
    for (const [path, surface] of [
      ['/nope', W],
      ['/v1/nope', W],
      ['/api/v1/nope', Q],
    ] as const) {
      const response = await ask(path);
      await expectFailure(response, surface, 404, { message: `Invalid URL (OPTIONS ${path})`, code: null });
      expect(response.headers.get('allow')).toBeNull();
    }
  });

  it('lets a browser ask, so that its page is shown the 404', async () => {
    const response = await ask('/v1/nope', PREFLIGHT);
    expect([response.status, response.headers.get('allow')]).toEqual([200, null]);
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization');
  });
});
