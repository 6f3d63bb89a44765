import { describe, expect, it } from '@jest/globals';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { countedClient } from '../support/wire-client.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, completionBody, L, Q, SURFACES, W } from '../support/wire-surfaces.js';

const DURATION = /^(\d+ms|\d+s|\d+m\d+s|\d+h\d+m\d+s)$/;

/** The six headers in which clients read how much they have left. */
function limitsOf({ headers }: Response): Record<string, string | null> {
  const names = ['limit', 'remaining', 'reset'].flatMap((what) => [`${what}-requests`, `${what}-tokens`]);
  return Object.fromEntries(names.map((name) => [name, headers.get(`x-ratelimit-${name}`)]));
}

describe('requests a minute', () => {
  const app = useWireApp();

  async function limitedKey(requestsPerMinute: number): Promise<{ authorization: string }> {
    const { secret } = await app.tollgate.newKey({ requestsPerMinute });
    return { authorization: `Bearer ${secret}` };
  }

  it.each(SURFACES)(
    'case 32, 63: the fourth of three is refused and told when to come back ($name)',
    async (surface) => {
      const headers = await limitedKey(3);
      for (const left of ['2', '1', '0']) {
        const response = await app.tollgate.post(surface.chat, chatBody(), headers);
        expect(response.status).toBe(200);
        expect(limitsOf(response)).toMatchObject({ 'limit-requests': '3', 'remaining-requests': left });
      }
      const response = await app.tollgate.post(surface.chat, chatBody(), headers);
      const { error } = await expectFailure(response, surface, 429, {
        message: expect.stringMatching(
          /^Rate limit reached on requests per min \(RPM\): Limit 3, Used 3, Requested 1\. Please try again in \d+s\.$/,
        ),
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      });
      const seconds = response.headers.get('retry-after') ?? '';
      // LangChain reads the wait from the sentence.
      expect(error.message).toContain(`in ${seconds}s`);
      expect(Number(response.headers.get('retry-after-ms'))).toBeGreaterThan((Number(seconds) - 1) * 1000);
      expect(Number(response.headers.get('retry-after-ms'))).toBeLessThanOrEqual(Number(seconds) * 1000);
      expect(limitsOf(response)).toEqual({
        'limit-requests': '3',
        'limit-tokens': expect.stringMatching(/^\d+$/),
        'remaining-requests': '0',
        'remaining-tokens': expect.stringMatching(/^\d+$/),
        'reset-requests': expect.stringMatching(DURATION),
        'reset-tokens': expect.stringMatching(DURATION),
      });
      expect(app.upstream.requests).toHaveLength(3);
    },
  );

  it('case 63: a limit is one key’s; another key is not touched by it', async () => {
    const first = await limitedKey(1);
    const second = await limitedKey(1);
    const statuses: number[] = [];
    for (const headers of [first, first, second, second]) {
      statuses.push((await app.tollgate.post(Q.chat, chatBody(), headers)).status);
    }
    expect(statuses).toEqual([200, 429, 200, 429]);
  });

  it('case 63: all surfaces and endpoints draw on one limit', async () => {
    const headers = await limitedKey(3);
    const statuses = [
      await app.tollgate.post(W.chat, chatBody(), headers),
      await app.tollgate.post(Q.completions, completionBody(), headers),
      await app.tollgate.post(L.chat, chatBody({ stream: true }), headers),
      await app.tollgate.post('/chat/completions/', chatBody(), headers),
      await app.tollgate.post(`${W.completions}?a=1`, completionBody(), headers),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  it.each(SURFACES)('case 63: models are listed while inference is at its limit ($name)', async (surface) => {
    const headers = await limitedKey(1);
    await app.tollgate.post(surface.chat, chatBody(), headers);
    const listed = await app.tollgate.get(surface.models, headers);
    expect(listed.status).toBe(200);
    expect((await app.tollgate.get(surface.models, headers)).status).toBe(429);
  });

  it('case 63: an ordinary answer, a stream and an error all tell what is left', async () => {
    const answers = [
      await app.tollgate.post(Q.chat, chatBody()),
      await app.tollgate.post(Q.chat, chatBody({ stream: true })),
      await app.tollgate.post(Q.chat, '{'),
      await app.tollgate.post(Q.chat, chatBody({ model: 'no/such-model' })),
      await app.tollgate.post(Q.chat, 'hi', { 'content-type': 'text/plain' }),
      await app.tollgate.get(Q.models),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 404, 415, 200]);
    for (const answer of answers) {
      expect(limitsOf(answer)).toEqual({
        'limit-requests': '6000',
        'limit-tokens': '10000000',
        'remaining-requests': expect.stringMatching(/^59\d\d$/),
        'remaining-tokens': expect.stringMatching(/^\d{7,8}$/),
        'reset-requests': expect.stringMatching(DURATION),
        'reset-tokens': expect.stringMatching(DURATION),
      });
    }
  });

  it.each(SURFACES)('§1.4: the limit comes before the body is judged ($name)', async (surface) => {
    const headers = await limitedKey(1);
    await app.tollgate.post(surface.chat, chatBody(), headers);
    for (const [body, type] of [
      ['{', 'application/json'],
      ['hi', 'text/plain'],
      ['{}', 'application/json'],
    ] as const) {
      const response = await app.tollgate.post(surface.chat, body, { ...headers, 'content-type': type });
      await expectFailure(response, surface, 429, { code: 'rate_limit_exceeded' });
    }
  });

  it('case 32: the official client waits as told and succeeds', async () => {
    const { secret } = await app.tollgate.newKey({ requestsPerMinute: 30 });
    const headers = { authorization: `Bearer ${secret}` };
    let status = 0;
    // Cheap requests, refused by validation, until the bucket is empty; it gains one in two seconds.
    while (status !== 429) ({ status } = await app.tollgate.post(W.chat, '{}', headers));
    const { client, statuses } = countedClient(app.tollgate, W, secret);
    const answer = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'hi' }],
    });
    expect(answer.choices[0]?.message.content).toBe('Hello there!');
    expect(statuses.at(-1)).toBe(200);
    expect(statuses.slice(0, -1)).toContain(429);
  });
});

describe('tokens a minute', () => {
  const app = useWireApp();

  it.each(SURFACES)('§2.6: a key that has used its tokens is told so ($name)', async (surface) => {
    const { secret } = await app.tollgate.newKey({ tokensPerMinute: 50 });
    const headers = { authorization: `Bearer ${secret}` };
    const first = await app.tollgate.post(surface.chat, chatBody({ max_tokens: 40 }), headers);
    expect(first.status).toBe(200);
    const response = await app.tollgate.post(surface.chat, chatBody({ max_tokens: 45 }), headers);
    await expectFailure(response, surface, 429, {
      message: expect.stringMatching(
        new RegExp(
          `^Rate limit reached for ${MODEL} on tokens per min \\(TPM\\): Limit 50, Used \\d+, Requested \\d+\\. `,
        ),
      ),
      type: 'tokens',
      param: null,
      code: 'rate_limit_exceeded',
    });
    expect(app.upstream.requests).toHaveLength(1);
  });
});
