import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { UpstreamError } from '../../src/upstreams/upstream.errors.js';
import {
  adapterTo,
  AiSdkHarness,
  brokenStream,
  claudeCall,
  failure,
  finishReasons,
  geminiCall,
  never,
  stream,
  textOf,
} from '../support/ai-sdk-harness.js';
import {
  ANTHROPIC_KEY,
  anthropicEvent,
  anthropicEvents,
  anthropicFailure,
  anthropicMessage,
  FakeAnthropic,
  type FakeMessage,
} from '../support/fake-anthropic.js';
import { geminiChunk, geminiEvent, geminiFailure } from '../support/fake-gemini.js';
import { openStream, resetConnection, sendJson, type Responder } from '../support/fake-vendor.js';

const harness = new AiSdkHarness();
const { anthropic, gemini } = harness;

beforeAll(() => harness.start());
afterEach(() => harness.reset());
afterAll(() => harness.stop());

const USAGE = { input_tokens: 1, output_tokens: 1 };

function message(text: string): FakeMessage {
  return { content: [{ type: 'text', text }], stop_reason: 'end_turn', usage: USAGE };
}

/** The events of a message up to the point where it should end. */
const BEGUN = anthropicEvents(message('Hello there.'), false).join('');

describe('AiSdkAdapter when the upstream fails', () => {
  const cases: [string, Responder, Partial<UpstreamError>][] = [
    [
      'U6: 429 with its retry-after',
      anthropicFailure(429, 'rate_limit_error', 'Slow down', { 'retry-after': '2' }),
      { code: 'upstream_rate_limited', retryAfterMs: 2000, upstreamStatus: 429, safeToRetry: true },
    ],
    [
      'U8: 529 overloaded',
      anthropicFailure(529, 'overloaded_error', 'Overloaded'),
      { code: 'upstream_unavailable', upstreamStatus: 529, safeToRetry: true },
    ],
    [
      'U8: 500',
      anthropicFailure(500, 'api_error', 'Internal server error at 10.0.0.7'),
      { code: 'upstream_error', message: "The model's provider failed to answer.", safeToRetry: false },
    ],
    [
      'U9: 401, which is our key and our alarm',
      anthropicFailure(401, 'authentication_error', `invalid x-api-key ${ANTHROPIC_KEY}`),
      { code: 'upstream_error', alert: true },
    ],
    [
      'U9: an empty account, which Anthropic calls a bad request',
      anthropicFailure(
        400,
        'invalid_request_error',
        'Your credit balance is too low to access the Anthropic API.',
      ),
      { code: 'upstream_error', alert: true },
    ],
    [
      'U10: a prompt too long',
      anthropicFailure(400, 'invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
      {
        code: 'context_length_exceeded',
        param: 'messages',
        message: expect.stringMatching(/maximum context length.*208310 tokens > 200000/) as never,
      },
    ],
    [
      'S29: a rejected request, in its own words without our key and its host',
      anthropicFailure(
        400,
        'invalid_request_error',
        `tools.0.name: bad, see https://docs.claude.com/x (key ${ANTHROPIC_KEY}, host api.anthropic.com)`,
      ),
      {
        code: 'upstream_rejected_request',
        message: 'tools.0.name: bad, see [url] (key [hidden], host [host])',
      },
    ],
    [
      'U11: HTML with status 200',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hi</html>'),
      { code: 'upstream_bad_response' },
    ],
    ['U11: an empty object', (_, response) => sendJson(response, 200, {}), { code: 'upstream_bad_response' }],
    [
      'U12: an answer cut short',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"id":"msg_01"', () => resetConnection(response));
      },
      { code: 'upstream_error', safeToRetry: false },
    ],
    [
      'U5: RST before headers, which may have been paid for',
      (_, response) => resetConnection(response),
      { code: 'upstream_error', safeToRetry: false },
    ],
    [
      'U28: a redirect, which is not followed',
      (_, response) => void response.writeHead(302, { location: `${gemini.origin}/v1/messages` }).end(),
      { code: 'upstream_bad_response' },
    ],
  ];

  it.each(cases)('%s: whole and before the first event of a stream', async (_, responder, expected) => {
    anthropic.next(responder, responder);
    const whole = await failure(harness.claude.completeChat(claudeCall(), never));
    const { chunks, error: streamed } = await brokenStream(harness.claude, claudeCall());
    expect(chunks).toEqual([]);
    for (const error of [whole, streamed]) {
      expect(error).toMatchObject(expected);
      expectNothingLeaked(error);
    }
    expect(anthropic.seen).toHaveLength(2);
    expect(gemini.seen).toHaveLength(0);
  });

  it.each([
    [
      'U6: 429 with RetryInfo',
      geminiFailure(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', [
        { '@type': 'type.googleapis.com/harness.google.rpc.RetryInfo', retryDelay: '34.5s' },
      ]),
      { code: 'upstream_rate_limited', retryAfterMs: 34_500 },
    ],
    [
      'U9: a bad key, which Google calls a bad request',
      geminiFailure(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'),
      { code: 'upstream_error', alert: true },
    ],
    [
      'U10: too many tokens',
      geminiFailure(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1206834) exceeds the maximum number of tokens allowed (1048576).',
      ),
      { code: 'context_length_exceeded' },
    ],
    [
      'U8: 503',
      geminiFailure(503, 'UNAVAILABLE', 'The model is overloaded.'),
      { code: 'upstream_unavailable' },
    ],
  ])('Gemini: %s', async (_, responder, expected) => {
    gemini.next(responder, responder);
    expect(await failure(harness.google.completeChat(geminiCall(), never))).toMatchObject(expected);
    expect((await brokenStream(harness.google, geminiCall())).error).toMatchObject(expected);
  });

  it('U1: a refused connection is unavailable and safe to retry; U2: so is an unknown host', async () => {
    const gone = await new FakeAnthropic().start();
    const { baseUrl } = gone;
    await gone.stop();
    for (const url of [baseUrl, 'http://no-such-host.invalid/v1']) {
      const upstream = adapterTo('anthropic', url, ANTHROPIC_KEY);
      const error = await failure(upstream.completeChat(claudeCall(), never));
      expect(error).toMatchObject({ code: 'upstream_unavailable', safeToRetry: true });
      expect(error.message).not.toMatch(/127\.0\.0\.1|no-such-host/);
      expect((await brokenStream(upstream, claudeCall())).error.code).toBe('upstream_unavailable');
      await upstream.close();
    }
  });

  it('U15: an error event before the first content fails before any chunk', async () => {
    const overloaded = anthropicEvent({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
    const start = anthropicEvents({ content: [], stop_reason: null, usage: USAGE }, false);
    for (const events of [[overloaded], [...start, overloaded]]) {
      anthropic.next((_, response) => {
        openStream(response);
        response.end(events.join(''));
      });
      const { chunks, error } = await brokenStream(harness.claude, claudeCall());
      expect(chunks).toEqual([]);
      expect(error).toMatchObject({ code: 'upstream_unavailable', upstreamStatus: 529 });
    }
    gemini.next((_, response) => {
      openStream(response);
      response.end(geminiEvent({ error: { code: 429, message: 'Quota', status: 'RESOURCE_EXHAUSTED' } }));
    });
    const { chunks, error } = await brokenStream(harness.google, geminiCall());
    expect(chunks).toEqual([]);
    expect(error.code).toBe('upstream_rate_limited');
  });

  it('U16: an error event in mid-stream comes after what was said', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      response.end(BEGUN + anthropicEvent({ type: 'error', error: { type: 'api_error', message: 'oops' } }));
    });
    const { chunks, error } = await brokenStream(harness.claude, claudeCall());
    expect(textOf(chunks)).toBe('Hello there.');
    expect(error).toMatchObject({
      code: 'upstream_error',
      message: "The model's provider failed to answer.",
      safeToRetry: false,
    });
  });

  it('U17: RST in mid-stream is an error, and so is garbage', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      response.write(BEGUN, () => setImmediate(resetConnection, response));
    });
    expect((await brokenStream(harness.claude, claudeCall())).error.code).toBe('upstream_error');
    anthropic.next((_, response) => {
      openStream(response);
      response.end(`${BEGUN}data: {"type":\n\n`);
    });
    const { chunks, error } = await brokenStream(harness.claude, claudeCall());
    expect(textOf(chunks)).toBe('Hello there.');
    expect(error.code).toBe('upstream_bad_response');
  });

  it('U17: a connection that closes broke off, at whatever moment', async () => {
    const brokeOff = "The connection to the model's provider broke off.";
    for (const body of [
      undefined,
      '',
      anthropicEvents(message('Hello there.')).slice(0, 2).join(''),
      BEGUN,
    ]) {
      anthropic.next((_, response) => {
        if (body === undefined) return response.socket?.destroySoon();
        openStream(response);
        response.write(body || ': ping\n\n', () => setImmediate(() => response.socket?.destroySoon()));
      });
      expect((await brokenStream(harness.claude, claudeCall())).error.message).toBe(brokeOff);
    }
    for (const body of [': ping\n\n', geminiChunk([{ text: 'Hello' }])]) {
      gemini.next((_, response) => {
        openStream(response);
        response.write(body, () => setImmediate(() => response.socket?.destroySoon()));
      });
      expect((await brokenStream(harness.google, geminiCall())).error.message).toBe(brokeOff);
    }
  });

  it('U18: a clean end without a finish reason is an error, at whatever point it comes', async () => {
    const stopOnly = BEGUN + anthropicEvent({ type: 'message_stop' });
    for (const body of ['', BEGUN, stopOnly, ': ping\n\n']) {
      anthropic.next((_, response) => {
        openStream(response);
        response.end(body);
      });
      expect((await brokenStream(harness.claude, claudeCall())).error.code).toBe('upstream_bad_response');
    }
    for (const body of ['', geminiChunk([{ text: 'Hello' }])]) {
      gemini.next((_, response) => {
        openStream(response);
        response.end(body);
      });
      expect((await brokenStream(harness.google, geminiCall())).error.code).toBe('upstream_bad_response');
    }
  });

  it('U24: a whole answer to stream: true is an error and not a hang', async () => {
    anthropic.next((request, response) =>
      anthropicMessage({})({ ...request, body: { ...request.body, stream: false } }, response),
    );
    expect((await brokenStream(harness.claude, claudeCall())).error.code).toBe('upstream_bad_response');
  });

  it('U20: one byte per packet gives the same text, whole code points included', async () => {
    anthropic.next(async (_, response) => {
      openStream(response);
      for (const byte of Buffer.from(anthropicEvents(message('Grüße 👋 🌍')).join(''))) {
        await new Promise((resolve) => response.write(Buffer.from([byte]), resolve));
      }
      response.end();
    });
    expect(textOf(await stream(harness.claude, claudeCall()))).toBe('Grüße 👋 🌍');
  });

  it('U21: an event of 5 MB passes, a line without end is cut off', async () => {
    const [start = '', ping = '', block = '', ...end] = anthropicEvents({
      ...message(''),
      content: [{ type: 'text', text: '' }],
    });
    const text = 'x'.repeat(5_000_000);
    anthropic.next((_, response) => {
      openStream(response);
      const delta = { type: 'text_delta', text };
      response.end(
        start +
          ping +
          block +
          anthropicEvent({ type: 'content_block_delta', index: 0, delta }) +
          end.join(''),
      );
    });
    expect(textOf(await stream(harness.claude, claudeCall()))).toHaveLength(text.length);

    anthropic.next(async (_, response) => {
      openStream(response);
      response.write(`${BEGUN}data: `);
      while (!response.closed) {
        await new Promise<void>((resolve) => {
          response.once('close', resolve);
          response.write(text, () => resolve());
        });
      }
    });
    expect((await brokenStream(harness.claude, claudeCall())).error.code).toBe('upstream_bad_response');
  });

  it('U23: what comes after the end of the message is ignored, and an open socket does not hold the answer up', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      const events = anthropicEvents(message('done'));
      response.write([...events, ...events].join(''));
    });
    const chunks = await stream(harness.claude, claudeCall());
    expect(textOf(chunks)).toBe('done');
    expect(finishReasons(chunks)).toEqual(['stop']);
  });

  it('U25: gzip is decoded although identity was asked for', async () => {
    const body = JSON.stringify({
      type: 'message',
      id: 'msg_01',
      model: 'm',
      role: 'assistant',
      content: [{ type: 'text', text: 'packed' }],
      stop_reason: 'end_turn',
      usage: USAGE,
    });
    anthropic.next((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(body));
    });
    const answer = await harness.claude.completeChat(claudeCall(), never);
    expect(answer.choices[0]?.message.content).toBe('packed');
  });
});

/** S29: neither what the client is told nor what the log is given holds our key, the upstream's host or a prompt. */
function expectNothingLeaked(error: UpstreamError): void {
  expect(error.message).not.toMatch(/sk-ant|127\.0\.0\.1|10\.0\.0\.7|anthropic\.com/);
  const cause = error.cause instanceof Error ? `${error.cause.message} ${JSON.stringify(error.cause)}` : '';
  expect(cause).not.toMatch(/sk-ant|"hi"/);
}
