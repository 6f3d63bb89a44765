import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { failure, stall } from '../support/fake-upstream-replies.js';
import { SURFACES, type WireSurface } from '../support/wire-surfaces.js';
import { ContractHarness, FAKE, IMPATIENT } from './harness.js';
import { HELLO } from './samples.js';
import { type ErrorFacts, errorSchema, validationErrorSchema } from './schemas/errors.js';
import { expectToMatchSchema } from './schemas/json-schema.js';

let harness: ContractHarness;
beforeAll(async () => {
  harness = await ContractHarness.start({ MAX_BODY_BYTES: '100000' });
});
afterEach(() => harness.reset());
afterAll(() => harness.close());

interface Failing {
  readonly title: string;
  readonly status: number;
  readonly facts: ErrorFacts;
  request(): Promise<Response>;
}

const INVALID = 'invalid_request_error';

describe.each(SURFACES)('every failure on $base has exactly the fields of its surface', (surface) => {
  const ask = (over: Record<string, unknown> = {}, headers: Record<string, string | undefined> = {}) =>
    harness.tollgate.post(surface.chat, { model: 'sandbox/echo', messages: HELLO, ...over }, headers);

  it.each(doorFailures(surface, ask))('$title: $status', hold);
  it.each(inferenceFailures(surface, ask))('$title: $status', hold);
  it.each(brokenRules(ask))('$title', async ({ facts, request }) => {
    const response = await request();
    expect(response.status).toBe(surface.invalid);
    const code = surface.name === 'L' ? (L_CODES[facts.code ?? ''] ?? facts.code) : facts.code;
    const said = { ...facts, ...(code !== undefined && { code }) };
    const body: unknown = await response.json();
    expectToMatchSchema(
      body,
      surface.name === 'L' ? validationErrorSchema(said) : errorSchema(surface.name, said),
    );
  });

  async function hold({ status, facts, request }: Failing): Promise<void> {
    const response = await request();
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const body = (await response.json()) as { error: { message: string }; detail?: string };
    expectToMatchSchema(body, errorSchema(surface.name, facts));
    expect(body.detail).toBe(surface.name === 'Q' ? undefined : body.error.message);
  }
});

type Ask = (
  over?: Record<string, unknown>,
  headers?: Record<string, string | undefined>,
) => Promise<Response>;

/** What is refused before a model is called. */
function doorFailures(surface: WireSurface, ask: Ask): Failing[] {
  const rateLimited = { type: 'requests', code: 'rate_limit_exceeded' };
  return [
    {
      title: 'case 5: no key',
      status: 401,
      facts: { type: INVALID },
      request: () => ask({}, { authorization: undefined }),
    },
    {
      title: 'case 6: a wrong key',
      status: 401,
      facts: { type: INVALID, code: 'invalid_api_key' },
      request: () => ask({}, { authorization: 'Bearer sk-wrong-key-of-a-test' }),
    },
    {
      title: 'case 37: no such URL',
      status: 404,
      facts: { type: INVALID },
      request: () => harness.tollgate.post(`${surface.base}/nope`, {}),
    },
    {
      title: 'case 37: a wrong method',
      status: 405,
      facts: { type: INVALID },
      request: () => harness.tollgate.get(surface.completions),
    },
    {
      title: 'case 35: a body over the limit',
      status: 413,
      facts: { type: INVALID, code: 'request_too_large' },
      request: () => ask({ user: 'x'.repeat(200_000) }),
    },
    {
      title: 'case 36: a body that is no JSON',
      status: 415,
      facts: { type: INVALID, code: 'unsupported_content_type' },
      request: () => ask({}, { 'content-type': 'text/plain' }),
    },
    {
      title: 'case 27: an unknown model',
      status: 404,
      facts: { type: INVALID, code: 'model_not_found' },
      request: () => ask({ model: 'no/such-model' }),
    },
    {
      title: 'case 69: retrieving an unknown model',
      status: 404,
      facts: { type: INVALID, param: 'model', code: 'model_not_found' },
      request: () => harness.tollgate.get(`${surface.models}/no/such-model`),
    },
    {
      title: 'a model that the key may not use',
      status: 403,
      facts: { type: INVALID, param: 'model', code: 'model_not_allowed' },
      request: async () => {
        const { secret } = await harness.tollgate.newKey({ allowedModels: ['sandbox/chat'] });
        return ask({}, { authorization: `Bearer ${secret}` });
      },
    },
    {
      title: 'deleting a model',
      status: 403,
      facts: { type: INVALID },
      request: () => harness.tollgate.request('DELETE', `${surface.models}/sandbox/chat`),
    },
    {
      title: 'case 32, 63: a key over its limit',
      status: 429,
      facts: rateLimited,
      request: async () => ask({}, { authorization: `Bearer ${await harness.exhaustedKey()}` }),
    },
  ];
}

/** What goes wrong behind the door, whole and streamed. */
function inferenceFailures(surface: WireSurface, ask: Ask): Failing[] {
  const folded = surface.name === 'W' ? { type: 'server_error', code: 'inference_error' } : undefined;
  return [false, true].flatMap((stream) => {
    const how = stream ? 'streamed' : 'whole';
    return [
      {
        title: `case 29, 48, 64: the upstream fails (${how})`,
        status: surface.upstreamFailed.status,
        facts: folded ?? { type: 'server_error', code: 'upstream_error' },
        request: () => {
          harness.upstream.otherwise(failure(500));
          return ask({ model: FAKE, stream });
        },
      },
      {
        title: `case 30, 64: the upstream is silent (${how})`,
        status: surface.upstreamTimedOut.status,
        facts: folded ?? { type: 'server_error', code: 'timeout' },
        request: () => {
          harness.upstream.otherwise(stall());
          return ask({ model: IMPATIENT, stream });
        },
      },
      {
        title: `case 29, 63: the upstream is over its limit (${how})`,
        status: folded === undefined ? 429 : 499,
        facts: folded ?? { type: 'requests', code: 'rate_limit_exceeded' },
        request: () => {
          harness.upstream.otherwise(failure(429));
          return ask({ model: FAKE, stream });
        },
      },
      ...(stream
        ? []
        : [
            {
              title: 'case 31, 65: our own bug',
              status: 500,
              facts: { type: 'server_error' },
              request: () => {
                harness.breakGateway();
                return ask();
              },
            },
          ]),
    ];
  });
}

/** One rule of each kind; in OpenAI's codes, which L says coarser. */
function brokenRules(ask: Ask): Omit<Failing, 'status'>[] {
  const broken = (title: string, facts: Omit<ErrorFacts, 'type'>, over: Record<string, unknown>) => ({
    title: `case 50, 61, 74: ${title}`,
    facts: { type: INVALID, ...facts },
    request: () => ask(over),
  });
  return [
    broken('no model', { param: 'model', code: 'missing_required_parameter' }, { model: undefined }),
    broken('no messages', { param: 'messages', code: 'missing_required_parameter' }, { messages: undefined }),
    broken('messages empty', { param: 'messages', code: 'empty_array' }, { messages: [] }),
    broken('messages a text', { param: 'messages', code: 'invalid_type' }, { messages: 'hi' }),
    broken(
      'an unknown role',
      { param: 'messages[0].role', code: 'invalid_value' },
      { messages: [{ role: 'bot', content: '' }] },
    ),
    broken('too hot', { param: 'temperature', code: 'decimal_above_max_value' }, { temperature: 2.1 }),
    broken('a fraction of a token', { param: 'max_tokens', code: 'invalid_type' }, { max_tokens: 1.5 }),
    broken('no token', { param: 'max_tokens', code: 'integer_below_min_value' }, { max_tokens: 0 }),
    broken(
      'five stops',
      { param: 'stop', code: 'array_above_max_length' },
      { stop: ['a', 'b', 'c', 'd', 'e'] },
    ),
    broken('stream as text', { param: 'stream', code: 'invalid_type' }, { stream: 'true' }),
  ];
}

/** L's validation knows three codes (missing, type, value). */
const L_CODES: Readonly<Record<string, string>> = {
  empty_array: 'invalid_value',
  decimal_above_max_value: 'invalid_value',
  integer_below_min_value: 'invalid_value',
  array_above_max_length: 'invalid_value',
};
