import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeUpstream } from '../support/fake-upstream.js';
import {
  failure,
  garbage,
  json,
  raw,
  redirect,
  type Reply,
  sse,
  truncated,
} from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireError } from '../support/fake-upstream-wire.js';
import { bothFailures, failureOf, KEY, OpenAiHarness } from '../support/openai-harness.js';

const harness = new OpenAiHarness();

beforeEach(() => harness.start());
afterEach(() => harness.stop());

describe('OpenAiAdapter: error statuses', () => {
  it('U6: 429 carries its retry-after', async () => {
    const errors = await bothFailures(
      harness,
      failure(429, 'slow down', { headers: { 'retry-after': '2' } }),
    );
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'upstream_rate_limited',
        retryAfterMs: 2_000,
        upstreamStatus: 429,
      });
  });

  it('U6: 429 because our account there is empty is an outage that alerts', async () => {
    const errors = await bothFailures(
      harness,
      failure(429, 'You exceeded your current quota', { code: 'insufficient_quota' }),
    );
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_unavailable', alert: true });
  });

  it.each([
    [500, 'upstream_error', false],
    [502, 'upstream_error', false],
    [503, 'upstream_unavailable', true],
    [504, 'upstream_timeout', false],
    [529, 'upstream_unavailable', true],
    [408, 'upstream_timeout', false],
  ])('U8: %i is %s, without the upstream body', async (status, code, safeToRetry) => {
    const errors = await bothFailures(harness, failure(status, `internal host 127.0.0.1 key ${KEY}`));
    for (const error of errors) {
      expect(error).toMatchObject({ code, safeToRetry, upstreamStatus: status });
      expect(error.message).not.toContain('internal');
    }
  });

  it.each([401, 403, 404])('U9: %i is our own fault: upstream_error that alerts', async (status) => {
    const errors = await bothFailures(harness, failure(status, 'Incorrect API key provided'));
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_error', alert: true });
  });

  it('U9: a 400 that is about our key does not blame the caller', async () => {
    const errors = await bothFailures(
      harness,
      failure(400, 'API key not valid. Please pass a valid API key.'),
    );
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_error', alert: true });
  });

  it('U10: context_length_exceeded passes with its code and text', async () => {
    const text = "This model's maximum context length is 8192 tokens, however you requested 9000.";
    const errors = await bothFailures(
      harness,
      failure(400, text, { code: 'context_length_exceeded', param: 'messages' }),
    );
    for (const error of errors)
      expect(error).toMatchObject({ code: 'context_length_exceeded', message: text, param: 'messages' });
  });

  it('U10: it is known by its text, and the text that clients look for is there', async () => {
    const errors = await bothFailures(
      harness,
      failure(400, 'the request exceeds the available context size'),
    );
    for (const error of errors) {
      expect(error.code).toBe('context_length_exceeded');
      expect(error.message).toContain('maximum context length');
    }
  });

  it.each([400, 422, 413])('U10, S29: %i passes its text without key, host and address', async (status) => {
    const errors = await bothFailures(
      harness,
      failure(status, `Invalid 'temperature' (key ${KEY}, see https://docs.example.com/x, 127.0.0.1)`, {
        param: 'temperature',
      }),
    );
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'upstream_rejected_request', param: 'temperature' });
      expect(error.message).toContain("Invalid 'temperature'");
      expect(error.message).not.toContain('example.com');
    }
  });

  it('U28: a redirect is not followed, so that no other host sees our key', async () => {
    const other = await FakeUpstream.start();
    for (const status of [301, 302, 307, 308]) {
      const errors = await bothFailures(harness, redirect(`${other.baseUrl}/chat/completions`, status));
      for (const error of errors) expect(error).toMatchObject({ code: 'upstream_bad_response', alert: true });
    }
    expect(other.connections).toBe(0);
    await other.close();
  });
});

describe('OpenAiAdapter: answers that are none', () => {
  it.each<[string, Reply]>([
    ['HTML', raw('<html>hi</html>', { headers: { 'content-type': 'text/html' } })],
    [
      'HTML that says it is JSON',
      raw('<html>hi</html>', { headers: { 'content-type': 'application/json' } }),
    ],
    ['an empty body', raw('', { headers: { 'content-type': 'application/json' } })],
    ['an empty body without type', raw('')],
    ['204', raw('', { status: 204 })],
    ['{}', json({})],
    ['null', json(null)],
    ['a list', json([])],
    ['no choices', json({ choices: [] })],
    ['a choice without message', json({ choices: [{ index: 0, finish_reason: 'stop' }] })],
    ['a choice without content and reason', json({ choices: [{ message: { content: null } }] })],
    ['content that is a number', json({ choices: [{ message: { content: 7 }, finish_reason: 'stop' }] })],
    ['no HTTP', garbage()],
  ])('U11: a 200 with %s is upstream_bad_response', async (_, reply) => {
    for (const error of await bothFailures(harness, reply)) expect(error.code).toBe('upstream_bad_response');
  });

  it('U11: an error object inside a 200 is that error', async () => {
    const errors = await bothFailures(harness, json(wireError('busy', { code: 429 })));
    for (const error of errors) expect(error.code).toBe('upstream_rate_limited');
  });

  it.each([0, 1, 40])('U12: a body cut after %i bytes is upstream_bad_response', async (sentBytes) => {
    const errors = await bothFailures(harness, truncated(JSON.stringify(chatAnswer()), sentBytes));
    for (const error of errors) expect(error.code).toBe('upstream_bad_response');
  });

  it('U12: a body that is reset half-way fails as well', async () => {
    harness.upstream.otherwise(truncated(JSON.stringify(chatAnswer()), 40, 'reset'));
    const error = await failureOf(harness.complete());
    expect(['upstream_error', 'upstream_bad_response']).toContain(error.code);
    expect(error.safeToRetry).toBe(false);
  });

  it('bounds the body of an answer', async () => {
    harness.upstream.enqueue(
      raw(Buffer.alloc(65 * 1024 * 1024, ' '), { headers: { 'content-type': 'application/json' } }),
    );
    expect((await failureOf(harness.complete())).code).toBe('upstream_bad_response');
  });

  it.each([-5, Number.NaN, 1e18, 'many', { prompt_tokens: -1 }, [1]])(
    'U14: passes usage %p on as it came, for the meter to judge',
    async (usage) => {
      harness.upstream.enqueue(json(chatAnswer({ usage })), sse(chatChunks('x', { usage })));
      const asSent: unknown = JSON.parse(JSON.stringify({ usage })).usage ?? undefined;
      const adapter = harness.adapterTo();
      expect((await harness.complete(adapter)).usage).toEqual(asSent);
      const recorder = harness.stream(adapter);
      await recorder.ended;
      expect(recorder.chunks.at(-1)?.usage).toEqual(asSent);
    },
  );
});
