import { afterEach, describe, expect, it } from '@jest/globals';
import { ExpectedFrames } from '../support/expected-frames.js';
import { controlled, delayed, failure, sse, stall } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { chunkedBody, httpRequest, RawClient } from '../support/raw-client.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp, type WireApp } from '../support/wire-app.js';
import { countedClient } from '../support/wire-client.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const [ROLE, HELLO, THERE, FINISH, USAGE] = chatChunks();

const open: RawClient[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

async function ask(app: WireApp, surface: WireSurface): Promise<RawClient> {
  const headers = { authorization: `Bearer ${app.tollgate.key}` };
  const body = chatBody({ stream: true });
  const client = await RawClient.ask(app.tollgate.port, httpRequest(surface.chat, { headers, body }));
  open.push(client);
  return client;
}

describe('when a stream says what', () => {
  const app = useWireApp();

  it.each(SURFACES)('sends not a byte before the first token ($name)', async (surface) => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const client = await ask(app, surface);
    await live.event(ROLE);
    // A whole other request, to the same upstream and back, later than the role chunk.
    await (await app.tollgate.post(surface.chat, chatBody())).text();
    expect(client.bytesReceived).toBe(0);

    await live.event(HELLO);
    await client.seen('"content":"Hello"');
    expect(client.text).toContain('HTTP/1.1 200 OK\r\n');
    await live.event(FINISH);
    await live.end();
  });

  it.each(SURFACES)(
    'passes every token on as it comes, and keeps the end until it is settled ($name)',
    async (surface) => {
      const live = controlled();
      app.upstream.enqueue(live.reply);
      const client = await ask(app, surface);
      await live.event(HELLO);
      await client.seen('"content":"Hello"');
      await live.event(THERE);
      await client.seen('"content":" there!"');
      await live.event(FINISH);
      await live.event(USAGE);
      await (await app.tollgate.post(surface.chat, chatBody())).text();
      expect(client.text).not.toContain('"finish_reason":"stop"');
      await live.end();
      await client.seen('data: [DONE]\n\n');
      expect(client.text).toContain('"finish_reason":"stop"');
    },
  );

  it.each(SURFACES)('case 53: ends the body with [DONE] ($name)', async (surface) => {
    const client = await ask(app, surface);
    await client.seen('data: [DONE]\n\n');
    const doneAtMs = performance.now();
    await client.seen('\r\n0\r\n\r\n');
    expect(performance.now() - doneAtMs).toBeLessThan(100);
  });

  it.each(SURFACES)(
    'case 46, U20: brings characters that were cut anywhere whole ($name)',
    async (surface) => {
      const text = ['naïve ', '漢字', '😀👩‍👩‍👧', ' \u2028 ', 'ünïcödé'];
      app.upstream.enqueue(sse(chatChunks(text), { writeBytes: 1 }));
      const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
      const received = await response.text();
      const frames = new ExpectedFrames(surface, response, received);
      expect(received).toBe(
        frames.role() +
          text.map((piece) => frames.content(piece)).join('') +
          frames.finish() +
          frames.done +
          frames.trailer(),
      );
      expect(received).not.toContain('\ufffd');
    },
  );

  it('case 53: is for HTTP/1.0, as many proxies speak it, plain bytes that end with the connection', async () => {
    const headers = { authorization: `Bearer ${app.tollgate.key}` };
    const request = httpRequest(L.chat, { headers, body: chatBody({ stream: true }) });
    const client = await RawClient.ask(app.tollgate.port, request.replace('HTTP/1.1', 'HTTP/1.0'));
    open.push(client);
    expect(await client.ended).toBe('fin');
    expect(client.text).not.toMatch(/transfer-encoding/i);
    expect(client.text).toMatch(/\r\n\r\ndata: \{[^]*\n\ndata: \[DONE\]\n\n$/);
  });

  it('case 46: joins a character whose halves came in two chunks', async () => {
    app.upstream.enqueue(sse(chatChunks(['a\ud83d', '\ude00b', '\ud83d'])));
    const response = await app.tollgate.post(L.chat, chatBody({ stream: true }));
    const received = await response.text();
    const frames = new ExpectedFrames(L, response, received);
    expect(received).toBe(
      frames.role() + frames.content('a') + frames.content('😀b') + frames.finish() + frames.done,
    );
  });
});

describe('silence', () => {
  const app = useWireApp({ env: { HEARTBEAT_MS: '40' } });

  it.each(SURFACES)('case 47: is filled with comments after the first token ($name)', async (surface) => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const client = await ask(app, surface);
    await live.event(HELLO);
    await client.seen(': keep-alive\n\n', 3);
    await live.event(FINISH);
    await live.event(USAGE);
    await live.end();
    await client.seen('data: [DONE]\n\n');
    for (const line of chunkedBody(client.bytes).split('\n'))
      expect(line).toMatch(/^(?:data: .+|: keep-alive|)$/);
  });

  it('case 47: does not disturb the official client', async () => {
    app.upstream.enqueue(sse(chatChunks(), { delayMs: 150 }));
    const { client } = countedClient(app.tollgate, Q);
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('Hello there!');
  });

  it('U15: is kept before the first token, so that a late failure has its status', async () => {
    app.upstream.enqueue(delayed(200, failure(500)));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true }));
    expect(response.status).toBe(502);
  });
});

describe('HEADERS_HOLD_MS', () => {
  const app = useWireApp({ env: { HEADERS_HOLD_MS: '60', UPSTREAM_FIRST_TOKEN_TIMEOUT_MS: '400' } });

  it('ends the wait for the first token with the status line and a comment; the answer follows', async () => {
    app.upstream.enqueue(delayed(200, sse(chatChunks())));
    const response = await app.tollgate.post(L.chat, chatBody({ stream: true }));
    const text = await response.text();
    expect(text.startsWith(': keep-alive\n\ndata: {')).toBe(true);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it.each(SURFACES)('tells of a failure after that in the stream ($name)', async (surface) => {
    app.upstream.enqueue(stall());
    const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }));
    expect(response.status).toBe(200);
    const message = "The model's provider did not answer in time.";
    const error = { message, type: 'server_error', param: null, code: 'timeout' };
    expect(await response.text()).toBe(
      `: keep-alive\n\ndata: ${JSON.stringify({ error, detail: message })}\n\n`,
    );
  });
});

describe('case 103: many streams at once', () => {
  const app = useWireApp();

  it('do not mix: 50 streams, each with its own id and its own words', async () => {
    app.upstream.otherwise(async (response, request) => {
      const [message] = request.body['messages'] as { content: string }[];
      await sse(chatChunks([message?.content ?? '', ' ', 'again']), { delayMs: 2 })(response, request);
    });
    const streams = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const body = chatBody({ stream: true, messages: [{ role: 'user', content: `caller ${n}` }] });
        return readStream(await app.tollgate.post(W.chat, body));
      }),
    );
    for (const [n, { chunks }] of streams.entries()) {
      expect(chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('')).toBe(
        `caller ${n} again`,
      );
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    }
    expect(new Set(streams.map(({ chunks }) => chunks[0]?.id)).size).toBe(50);
  });
});
