import { describe, expect, it } from '@jest/globals';
import { billOf, expectNothingOpen } from '../support/aftermath.js';
import { ExpectedFrames } from '../support/expected-frames.js';
import { type FakeResponse, toEvent } from '../support/fake-upstream-exchange.js';
import {
  controlled,
  endless,
  json,
  raw,
  type Reply,
  sse,
  truncated,
} from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireError, wireUsage } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { useWireApp } from '../support/wire-app.js';
import { countedClient } from '../support/wire-client.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, completionBody, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const [ROLE, HELLO, THERE, FINISH, USAGE] = chatChunks();
const SECRET = 'sk-upstream-4f9c1e142a1d70e1';
const UNFINISHED = { done: false } as const;

const BROKE_OFF = "The connection to the model's provider broke off.";
const FAILED = "The model's provider failed to answer.";
const NOT_UNDERSTOOD = "The model's provider sent an answer that cannot be understood.";

/** As servers without chunks send a stream: nothing but the close tells where it ends. */
function endedByClose(events: readonly unknown[]): Reply {
  return (response) => {
    const frames = events.map((event) => toEvent(event, '\n')).join('');
    response.raw(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${frames}`);
    response.hangUp();
  };
}

interface Breakage {
  readonly row: string;
  readonly what: string;
  readonly reply: Reply;
  readonly message: string;
}

/** All after two tokens. */
const BREAKAGES: readonly Breakage[] = [
  {
    row: 'U16',
    what: 'an error event',
    reply: sse([ROLE, HELLO, THERE, wireError(`${SECRET} at 10.1.2.3:8000`, { code: 500 })]),
    message: FAILED,
  },
  {
    row: 'U16',
    what: 'a finish reason that means failure',
    reply: sse([...chatChunks(undefined, { finishReason: 'error', usage: null })]),
    message: FAILED,
  },
  {
    row: 'U17',
    what: 'a reset',
    reply: sse([ROLE, HELLO, THERE], { ...UNFINISHED, ending: 'reset' }),
    message: BROKE_OFF,
  },
  {
    row: 'U17',
    what: 'an end in mid-body',
    reply: sse([ROLE, HELLO, THERE], { ...UNFINISHED, ending: 'hang-up' }),
    message: BROKE_OFF,
  },
  {
    row: 'U17',
    what: 'an end in mid-body of a connection for this answer alone',
    reply: sse([ROLE, HELLO, THERE], {
      ...UNFINISHED,
      headers: { connection: 'close' },
      ending: 'hang-up',
    }),
    message: BROKE_OFF,
  },
  {
    row: 'U17',
    what: 'the close that is the only end of a body',
    reply: endedByClose([ROLE, HELLO, THERE]),
    message: BROKE_OFF,
  },
  {
    row: 'U18',
    what: 'a clean end without a finish',
    reply: sse([ROLE, HELLO, THERE], UNFINISHED),
    message: NOT_UNDERSTOOD,
  },
  {
    row: 'U18',
    what: '[DONE] without a finish',
    reply: sse([ROLE, HELLO, THERE]),
    message: NOT_UNDERSTOOD,
  },
  {
    row: 'U21',
    what: 'an event beyond all bounds',
    reply: sse([ROLE, HELLO, THERE, 'x'.repeat(9 * 1024 * 1024)]),
    message: NOT_UNDERSTOOD,
  },
  { row: 'U11', what: 'nonsense', reply: sse([ROLE, HELLO, THERE, '{"choices":']), message: NOT_UNDERSTOOD },
];

describe('a stream that breaks after two tokens', () => {
  const app = useWireApp();

  const cases = SURFACES.flatMap((surface) =>
    BREAKAGES.map((breakage) => ({ surface, name: surface.name, ...breakage })),
  );

  it.each(cases)(
    'case 49, $row: $what is told in the stream and billed as far as it came ($name)',
    async (one) => {
      const { surface, reply, message } = one;
      app.upstream.enqueue(reply);
      const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
      expect(response.status).toBe(200);
      const text = await response.text();
      const frames = new ExpectedFrames(surface, response, text);
      expect(text).toBe(
        frames.role() +
          frames.content('Hello') +
          frames.content(' there!') +
          frames.failure(message) +
          frames.finish('error'),
      );

      // "hi" is one token in a message of four more, before a reply of three; "Hello there!" is three.
      expect(await billOf(app, response)).toMatchObject({
        outcome: 'upstream_failed',
        usageSource: 'counted',
        promptTokens: 8,
        completionTokens: 3,
        costNanoUsd: 8n * 300n + 3n * 2500n,
        creditHundredths: 1n,
      });
      expect(app.upstream.requests).toHaveLength(1);
      await expectNothingOpen(app);
    },
  );

  describe.each(['hang-up', 'reset'] as const)('one text for one fact: by a %s', (ending) => {
    const cut = (events: readonly unknown[]): Reply => sse(events, { ...UNFINISHED, ending });
    const MOMENTS: { moment: string; reply: Reply }[] = [
      { moment: 'before the head', reply: (response) => response.finish(ending) },
      { moment: 'after the head', reply: cut([]) },
      { moment: 'after the role', reply: cut([ROLE]) },
      { moment: 'after a token', reply: cut([ROLE, HELLO]) },
      { moment: 'after the finish, before the end', reply: cut([ROLE, HELLO, FINISH]) },
    ];
    it.each(
      MOMENTS.flatMap((one) => (['chat', 'completions'] as const).map((endpoint) => ({ ...one, endpoint }))),
    )('an upstream that closes $moment broke off ($endpoint)', async ({ reply, endpoint }) => {
      app.upstream.dropConnections();
      app.upstream.enqueue(reply);
      const body = endpoint === 'chat' ? chatBody({ stream: true }) : completionBody({ stream: true });
      const text = await (await app.tollgate.post(Q[endpoint], body)).text();
      expect(text).toContain(`"message":"${BROKE_OFF}"`);
      await expectNothingOpen(app);
    });

    it('a whole answer as well', async () => {
      app.upstream.dropConnections();
      app.upstream.enqueue(truncated(JSON.stringify(chatAnswer()), 60, ending));
      const text = await (await app.tollgate.post(Q.chat, chatBody())).text();
      expect(text).toContain(`"message":"${BROKE_OFF}"`);
    });
  });

  it('case 49: ends every open choice, and says null usage where usage was asked for', async () => {
    app.upstream.enqueue(
      sse(chatChunks(['Hi'], { n: 2, finishReason: null }), { ending: 'reset', ...UNFINISHED }),
    );
    const body = chatBody({ stream: true, n: 2, stream_options: { include_usage: true } });
    const response = await app.tollgate.post(Q.chat, body);
    const text = await response.text();
    const frames = new ExpectedFrames(Q, response, text);
    frames.usageNull = ',"usage":null';
    expect(text).toBe(
      frames.role(0) +
        frames.content('Hi', 0) +
        frames.role(1) +
        frames.content('Hi', 1) +
        frames.failure(BROKE_OFF) +
        frames.finish('error', 0) +
        frames.finish('error', 1),
    );
    // What the upstream reported before it broke is believed for the prompt.
    expect(await billOf(app, response)).toMatchObject({ promptTokens: 9, usageSource: 'estimated' });
  });

  it.each(SURFACES)('case 49, U16: makes the official client throw ($name)', async (surface) => {
    app.upstream.enqueue(sse([ROLE, HELLO, THERE], { ...UNFINISHED, ending: 'reset' }));
    const { client, statuses } = countedClient(app.tollgate, surface);
    const stream = await client.chat.completions.create({
      model: 'test/model',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
    });
    let text = '';
    const read = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    await expect(read).rejects.toMatchObject({
      code: 'upstream_error',
      message: expect.stringContaining(BROKE_OFF),
    });
    expect(text).toBe('Hello there!');
    expect(statuses).toEqual([200]);
  });
});

describe('an upstream that falls silent', () => {
  const app = useWireApp({
    env: { UPSTREAM_IDLE_TIMEOUT_MS: '400', UPSTREAM_TIMEOUT_MS: '500', HEARTBEAT_MS: '40' },
  });

  it.each(SURFACES)(
    'U19: is cut off at the idle deadline, with heartbeats until then ($name)',
    async (surface) => {
      app.upstream.enqueue(sse([ROLE, HELLO], { ...UNFINISHED, ending: 'stall' }));
      const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
      const text = await response.text();
      const frames = new ExpectedFrames(surface, response, text);
      expect(text).toContain(': keep-alive\n\n');
      expect(text.replaceAll(': keep-alive\n\n', '')).toBe(
        frames.role() +
          frames.content('Hello') +
          frames.failure("The model's provider did not answer in time.", 'timeout') +
          frames.finish('error'),
      );
      expect(await billOf(app, response)).toMatchObject({ outcome: 'upstream_failed', completionTokens: 1 });
      await expectNothingOpen(app);
      expect(app.upstream.requests[0]?.aborted).toBe(true);
    },
  );

  it('U26: lasts as long as no gap is too long, beyond the deadline of a whole answer', async () => {
    const chunks = chatChunks(Array.from({ length: 12 }, (_, n) => ` ${n}`));
    const askedAtMs = performance.now();
    app.upstream.enqueue(sse(chunks, { delayMs: 60 }));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true }));
    const text = await response.text();
    expect(text).toContain('data: [DONE]\n\n');
    expect(performance.now() - askedAtMs).toBeGreaterThan(600);
    expect(await billOf(app, response)).toMatchObject({ outcome: 'completed' });
  });
});

const data = (chunk: unknown): string => JSON.stringify(chunk);

describe('a stream in an unusual form', () => {
  const app = useWireApp();

  async function expectHello(reply: Reply, surface: WireSurface): Promise<void> {
    app.upstream.enqueue(reply);
    const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
    const text = await response.text();
    const frames = new ExpectedFrames(surface, response, text);
    expect(text).toBe(
      frames.role() +
        frames.content('Hello') +
        frames.content(' there!') +
        frames.finish() +
        frames.done +
        frames.trailer(),
    );
    expect(await billOf(app, response)).toMatchObject({ outcome: 'completed', usageSource: 'upstream' });
    await expectNothingOpen(app);
  }

  const strange =
    `\uFEFF: hello\r\nevent: message\r\nid: 1\r\nretry: 5\r\ndata:${data(ROLE)}\r\n\r\n` +
    `: in between\n\nevent: ping\n\ndata: ${data(HELLO).replace(',"choices"', ',\ndata: "choices"')}\n\n` +
    `data:${data(THERE)}\r\rdata: ${data(FINISH)}\n\ndata: ${data(USAGE)}\n\ndata: [DONE]\n\n`;

  const forms: readonly (readonly [row: string, what: string, reply: Reply])[] = [
    ['U20', 'byte by byte', sse(chatChunks(), { writeBytes: 1 })],
    ['U20', 'in sevens', sse(chatChunks(), { writeBytes: 7, newline: '\r\n' })],
    ['U22', 'with CRLF', sse(chatChunks(), { newline: '\r\n' })],
    ['U22', 'with CR', sse(chatChunks(), { newline: '\r' })],
    [
      'U22',
      'with BOM, comments, ids, no space and data in two lines',
      raw(strange, { headers: { 'content-type': 'text/event-stream' } }),
    ],
    ['U23', 'going on after [DONE]', sse([...chatChunks(), '[DONE]', HELLO, wireError('late'), '[DONE]'])],
    ['U25', 'compressed by gzip', sse(chatChunks(), { encoding: 'gzip' })],
    ['U25', 'compressed by br', sse(chatChunks(), { encoding: 'br', writeBytes: 3 })],
    ['U18', 'without [DONE] after its finish', sse(chatChunks(), UNFINISHED)],
  ];

  it.each(
    forms.flatMap(([row, what, reply]) =>
      SURFACES.map((surface) => ({ row, what, reply, surface, name: surface.name })),
    ),
  )('$row: $what is relayed as any other ($name)', ({ reply, surface }) => expectHello(reply, surface));

  it.each(SURFACES)('U24: a whole answer to a stream is streamed ($name)', async (surface) => {
    app.upstream.enqueue(json(chatAnswer()));
    const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
    const text = await response.text();
    const frames = new ExpectedFrames(surface, response, text);
    expect(text).toBe(
      frames.role() + frames.content('Hello there!') + frames.finish() + frames.done + frames.trailer(),
    );
    expect(await billOf(app, response)).toMatchObject({ outcome: 'completed', completionTokens: 3 });
  });

  it.each(SURFACES)('U24: a stream to a whole answer is collected ($name)', async (surface) => {
    app.upstream.enqueue(sse(chatChunks()));
    const response = await app.tollgate.post(surface.chat, chatBody());
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: 'Hello there!' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 9, completion_tokens: 3 },
    });
    await expectNothingOpen(app);
  });

  it('U25: a compressed whole answer is read', async () => {
    app.upstream.enqueue(json(chatAnswer(), { encoding: 'gzip' }));
    const response = await app.tollgate.post(Q.chat, chatBody());
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hello there!' } }] });
  });

  it('U21: one event of 5 MB passes whole', async () => {
    const long = 'long words '.repeat(480_000);
    app.upstream.enqueue(sse(chatChunks([long])));
    const { chunks } = await readStream(await app.tollgate.post(Q.chat, chatBody({ stream: true })));
    expect(chunks[1]?.choices[0]?.delta?.['content']).toHaveLength(long.length);
    await expectNothingOpen(app);
  });

  it('U21: 20,000 events in one write pass in order', async () => {
    const words = Array.from({ length: 20_000 }, (_, n) => `${n} `);
    const events = chatChunks(words).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
    const reply = raw(`${events.join('')}data: [DONE]\n\n`, {
      headers: { 'content-type': 'text/event-stream' },
    });
    app.upstream.enqueue(reply);
    const { chunks } = await readStream(await app.tollgate.post(Q.chat, chatBody({ stream: true })));
    const text = chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('');
    expect(text).toBe(words.join(''));
  });

  it('U27: an answer within max_tokens is whole, however small the events it comes in', async () => {
    const text = 'A sentence of some words. '.repeat(104);
    app.upstream.enqueue(sse(chatChunks([...text], { usage: wireUsage(8, 601) })));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true, max_tokens: 1_000 }));
    const { chunks } = await readStream(response);
    expect(chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('')).toBe(text);
    expect(await billOf(app, response)).toMatchObject({ outcome: 'completed', completionTokens: 601 });
  });

  it.each(SURFACES)(
    'U27: an answer without an end is cut where max_tokens is certainly passed ($name)',
    async (surface) => {
      app.upstream.enqueue(endless(HELLO));
      const response = await app.tollgate.post(surface.chat, chatBody({ stream: true, max_tokens: 10 }));
      const { chunks } = await readStream(response);
      expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
      // Twice the limit and some slack, not for ever; and paid for no more than was asked for.
      expect(chunks.length).toBeLessThan(200);
      expect(await billOf(app, response)).toMatchObject({
        outcome: 'cut_at_limit',
        finishReason: 'length',
        completionTokens: 10,
      });
      await expectNothingOpen(app);
      expect(app.upstream.requests[0]?.aborted).toBe(true);
    },
  );

  it('U16: a failure while the client reads slowly still comes last', async () => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const client = await RawClient.ask(
      app.tollgate.port,
      httpRequest(W.chat, {
        headers: { authorization: `Bearer ${app.tollgate.key}` },
        body: chatBody({ stream: true }),
      }),
    );
    const upstream: FakeResponse = await live.opened;
    await upstream.event(HELLO);
    await client.seen('Hello');
    client.stopReading();
    for (let n = 0; n < 50; n += 1) await upstream.event(THERE);
    await live.end('reset');
    await expectNothingOpen(app);
    client.readOn();
    await client.seen('"code":"upstream_error"');
    await client.seen('\r\n0\r\n\r\n');
    expect(client.text.split('there!')).toHaveLength(51);
    expect(client.text).not.toContain('[DONE]');
    client.close();
  });
});
