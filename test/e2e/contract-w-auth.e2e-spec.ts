import { describe, expect, it } from '@jest/globals';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const BAD_KEY = 'sk-tg-0123456789abcdefghijklmnopqrstuvwxyz';
const NO_KEY = { authorization: undefined };

describe('who calls', () => {
  const app = useWireApp({ env: { AUTH_FAILURES_PER_MINUTE: '1000' } });

  it('case 1: X-API-Key is all that W needs', async () => {
    const response = await app.tollgate.post(W.chat, chatBody(), {
      authorization: undefined,
      'x-api-key': app.tollgate.key,
    });
    expect(response.status).toBe(200);
    const body = (await response.json()) as { created: number; usage: Record<string, number> };
    expect(body).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{29}$/),
      object: 'chat.completion',
      model: MODEL,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there!', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    });
    expect(Math.abs(body.created - Date.now() / 1000)).toBeLessThan(60);
    // Credits are Q's; on W they would be a second currency that nobody documents.
    expect(body.usage).not.toHaveProperty('total_credit');
  });

  /** Valid in exactly one header; `K` stands for the real key. */
  it.each<[string, WireSurface, Record<string, string | undefined>]>([
    ['case 2: Bearer alone on W', W, { authorization: 'Bearer K' }],
    ['case 2: a lower-case scheme with spaces around the key on W', W, { authorization: 'bearer   K  ' }],
    ['case 3: a dummy Bearer beside X-API-Key on W', W, { authorization: 'Bearer dummy', 'x-api-key': 'K' }],
    ['case 3: api-key alone on W', W, { 'api-key': 'K' }],
    ['case 3: an empty X-API-Key beside Bearer on W', W, { authorization: 'Bearer K', 'x-api-key': '' }],
    ['case 70: X-API-Key alone on Q', Q, { 'x-api-key': 'K' }],
    ['case 70: api-key alone on Q', Q, { 'api-key': 'K' }],
    ['case 70: an empty Bearer beside X-API-Key on Q', Q, { authorization: 'Bearer ', 'x-api-key': 'K' }],
    ['case 70: Bearer beside a bad X-API-Key on Q', Q, { authorization: 'Bearer K', 'x-api-key': BAD_KEY }],
    ['case 73: X-API-Key alone on L', L, { 'x-api-key': 'K' }],
    ['case 73: Bearer beside a bad X-API-Key on L', L, { authorization: 'Bearer K', 'x-api-key': BAD_KEY }],
  ])('%s is accepted', async (_name, { chat }, headers) => {
    const { key } = app.tollgate;
    const real = Object.entries(headers).map(([name, value]) => [name, value?.replace('K', key)]);
    const response = await app.tollgate.post(chat, chatBody(), { ...NO_KEY, ...Object.fromEntries(real) });
    expect(response.status).toBe(200);
  });

  it.each<[string, WireSurface, (key: string) => Record<string, string>]>([
    [
      'case 4: W takes no Bearer in place of a bad X-API-Key',
      W,
      (key) => ({ authorization: `Bearer ${key}`, 'x-api-key': BAD_KEY }),
    ],
    [
      'case 4: Q takes no X-API-Key in place of a bad Bearer',
      Q,
      (key) => ({ authorization: `Bearer ${BAD_KEY}`, 'x-api-key': key }),
    ],
    [
      'case 4: L takes no X-API-Key in place of a bad Bearer',
      L,
      (key) => ({ authorization: `Bearer ${BAD_KEY}`, 'x-api-key': key }),
    ],
  ])('%s', async (_name, surface, headers) => {
    const response = await app.tollgate.post(surface.chat, chatBody(), headers(app.tollgate.key));
    await expectFailure(response, surface, 401, { code: 'invalid_api_key' });
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each(SURFACES)('case 5: a request without a key is told so ($name)', async (surface) => {
    const response = await app.tollgate.post(surface.chat, chatBody(), NO_KEY);
    await expectFailure(response, surface, 401, {
      message: expect.stringMatching(/^You didn't provide an API key\. /),
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
  });

  it.each(SURFACES)('case 6: a wrong key is named, but not in full ($name)', async (surface) => {
    const response = await app.tollgate.post(surface.chat, chatBody(), {
      authorization: `Bearer ${BAD_KEY}`,
    });
    const { error } = await expectFailure(response, surface, 401, {
      message: 'Incorrect API key provided: sk-tg***yz.',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    });
    expect(JSON.stringify(error)).not.toContain(BAD_KEY);
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each(
    SURFACES.flatMap((surface) => [
      { surface, name: surface.name, what: 'malformed JSON', body: '{', headers: {} },
      {
        surface,
        name: surface.name,
        what: 'text/plain',
        body: 'hi',
        headers: { 'content-type': 'text/plain' },
      },
      {
        surface,
        name: surface.name,
        what: 'an unknown model',
        body: '{"model":"x","messages":[]}',
        headers: {},
      },
    ]),
  )('case 7: without a key $what is not even looked at ($name)', async ({ surface, body, headers }) => {
    const response = await app.tollgate.post(surface.chat, body, { ...headers, ...NO_KEY });
    await expectFailure(response, surface, 401, { code: null });
  });
});
