import { describe, expect, it } from '@jest/globals';
import { ExpectedFrames } from '../support/expected-frames.js';
import { sse } from '../support/fake-upstream-replies.js';
import { chatChunks, completionChunks, type WireToolCall } from '../support/fake-upstream-wire.js';
import { useWireApp } from '../support/wire-app.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, completionBody, L, SURFACES, type WireSurface } from '../support/wire-surfaces.js';

const CALLS: WireToolCall[] = [
  { id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' },
  { id: 'call_2', name: 'time', arguments: '{"zone":"CET"}' },
];
const TOOLS = CALLS.map(({ name }) => ({ type: 'function', function: { name } }));

describe.each(SURFACES)('a stream of $name, byte by byte', (surface: WireSurface) => {
  const app = useWireApp();

  async function streamed(over: Record<string, unknown> = {}, path = surface.chat, body = chatBody) {
    const response = await app.tollgate.post(path, body({ stream: true, ...over }));
    const text = await response.text();
    return { response, text, at: () => new ExpectedFrames(surface, response, text) };
  }

  it('case 38: has the headers of an event stream, compressed for nobody', async () => {
    const response = await app.tollgate.post(surface.chat, chatBody({ stream: true }), {
      'accept-encoding': 'gzip, br',
      accept: 'application/json',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(response.headers.get('content-length')).toBeNull();
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
    expect(response.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
    await response.text();
  });

  it('case 39, 40, 41, 42, 43: is role, content, finish and [DONE], and nothing else', async () => {
    const { text, at } = await streamed();
    const frames = at();
    expect(text).toBe(
      frames.role() +
        frames.content('Hello') +
        frames.content(' there!') +
        frames.finish() +
        frames.done +
        frames.trailer(),
    );
  });

  it('case 44, 60: ends in one usage chunk where it was asked for, and says null until then', async () => {
    const { text, at } = await streamed({ stream_options: { include_usage: true } });
    const frames = at();
    frames.usageNull = ',"usage":null';
    expect(text).toBe(
      frames.role() +
        frames.content('Hello') +
        frames.content(' there!') +
        frames.finish() +
        frames.usage() +
        frames.done +
        frames.trailer(),
    );
  });

  it('case 60: has no usage at all where the client wants none', async () => {
    const { text, at } = await streamed({ stream_options: { include_usage: false } });
    const frames = at();
    expect(text).toBe(
      frames.role() + frames.content('Hello') + frames.content(' there!') + frames.finish() + frames.done,
    );
  });

  it('case 40, 45: gives each of two choices its role and its finish, and both one usage', async () => {
    app.upstream.enqueue(sse(chatChunks(['Hi'], { n: 2 })));
    const { text, at } = await streamed({ n: 2, stream_options: { include_usage: true } });
    const frames = at();
    frames.usageNull = ',"usage":null';
    expect(text).toBe(
      frames.role(0) +
        frames.content('Hi', 0) +
        frames.role(1) +
        frames.content('Hi', 1) +
        frames.finish('stop', 0) +
        frames.finish('stop', 1) +
        frames.usage() +
        frames.done +
        frames.trailer(),
    );
  });

  it('case 54: names each of two parallel calls once and goes on by fragments alone', async () => {
    app.upstream.enqueue(sse(chatChunks([], { toolCalls: CALLS })));
    const { text, at } = await streamed({ tools: TOOLS });
    const frames = at();
    const begins = (index: number, id: string, name: string) =>
      frames.delta(
        `{"tool_calls":[{"index":${index},"id":"${id}","type":"function","function":{"name":"${name}","arguments":""}}]}`,
      );
    const goesOn = (index: number, fragment: string) =>
      frames.delta(
        `{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(fragment)}}}]}`,
      );
    expect(text).toBe(
      frames.role() +
        begins(0, 'call_1', 'weather') +
        goesOn(0, '{"city":') +
        goesOn(0, '"Rome"}') +
        begins(1, 'call_2', 'time') +
        goesOn(1, '{"zone"') +
        goesOn(1, ':"CET"}') +
        frames.finish('tool_calls') +
        frames.done +
        frames.trailer(),
    );
  });

  it('case 55: puts log probabilities beside the content that they are of', async () => {
    const logprobs = {
      content: [
        {
          token: 'Hi',
          logprob: -0.1,
          bytes: [72, 105],
          top_logprobs: [{ token: 'Hi', logprob: -0.1, bytes: null }],
        },
      ],
      refusal: null,
    };
    const [first, second, ...rest] = chatChunks(['Hi']);
    const choice = { index: 0, delta: { content: 'Hi' }, logprobs, finish_reason: null };
    app.upstream.enqueue(sse([first, { ...second, choices: [choice] }, ...rest]));
    const { text, at } = await streamed({ logprobs: true, top_logprobs: 1 });
    const frames = at();
    expect(text).toBe(
      frames.role() +
        frames.delta('{"content":"Hi"}', { rest: `,"logprobs":${JSON.stringify(logprobs)}` }) +
        frames.finish() +
        frames.done +
        frames.trailer(),
    );
  });

  it('case 57: keeps reasoning apart from the content', async () => {
    app.upstream.enqueue(sse(chatChunks(['4'], { reasoning: ['2 + 2', ' is'] })));
    const { text, at } = await streamed();
    const frames = at();
    expect(text).toBe(
      frames.role() +
        frames.delta('{"reasoning_content":"2 + 2","reasoning":"2 + 2"}') +
        frames.delta('{"reasoning_content":" is","reasoning":" is"}') +
        frames.content('4') +
        frames.finish() +
        frames.done +
        frames.trailer(),
    );
  });

  it('case 93: streams a legacy completion as text, without roles', async () => {
    app.upstream.enqueue(sse(completionChunks(['Once', ' more'])));
    const response = await app.tollgate.post(
      surface.completions,
      completionBody({ model: 'test/native', stream: true }),
    );
    const text = await response.text();
    const frames = new ExpectedFrames(surface, response, text, 'text_completion');
    const trailer = frames.trailer().replaceAll('test/model', 'test/native');
    expect(text).toBe(
      frames.text('Once') + frames.text(' more') + frames.text('', 'stop') + frames.done + trailer,
    );
  });

  it('case 41: says the same as the whole answer for a fixed seed', async () => {
    const body = chatBody({ model: 'sandbox/chat', seed: 7 });
    const whole = (await (await app.tollgate.post(surface.chat, body)).json()) as {
      choices: { message: { content: string } }[];
    };
    const { chunks } = await readStream(await app.tollgate.post(surface.chat, { ...body, stream: true }));
    const joined = chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('');
    expect(joined).toBe(whole.choices[0]?.message.content);
    expect(joined).not.toBe('');
  });

  it.each(['chat', 'completions'] as const)(
    'case 50, 56: refuses a bad request in JSON before anything is streamed (%s)',
    async (endpoint) => {
      const good = endpoint === 'chat' ? chatBody() : completionBody();
      for (const bad of [{ stream: 'true' }, { stream: true, temperature: 3 }, { stream: true, n: 0 }]) {
        const response = await app.tollgate.post(surface[endpoint], { ...good, ...bad });
        expect(response.status).toBe(surface.invalid);
        expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
        expect(await response.json()).toHaveProperty('error.type', 'invalid_request_error');
      }
      expect(app.upstream.requests).toHaveLength(0);
    },
  );

  it('case 55: refuses top_logprobs without logprobs', async () => {
    const response = await app.tollgate.post(surface.chat, chatBody({ stream: true, top_logprobs: 2 }));
    expect(response.status).toBe(surface.invalid);
  });

  it('C12: has a word of the dialect for an answer that a filter withheld', async () => {
    app.upstream.enqueue(sse(chatChunks(['I'], { finishReason: 'content_filter' })));
    const { text, at } = await streamed();
    const frames = at();
    const withheld = frames.delta(`{"refusal":"The answer was withheld by the model's content filter."}`);
    const ending = surface.name === 'W' ? withheld + frames.finish('stop') : frames.finish('content_filter');
    expect(text).toBe(frames.role() + frames.content('I') + ending + frames.done + frames.trailer());
  });

  it('S37, S38: keeps content that looks like a frame inside of one', async () => {
    const hostile = '\n\ndata: [DONE]\n\n\r\u2028\u2029\u0000</script>"\\';
    app.upstream.enqueue(sse(chatChunks([hostile])));
    const { text, at } = await streamed();
    const frames = at();
    expect(text).toBe(
      frames.role() + frames.content(hostile) + frames.finish() + frames.done + frames.trailer(),
    );
    expect(text).not.toMatch(/\r/);
  });
});

describe('obfuscation', () => {
  const app = useWireApp();

  it('is padding of a random length in every chunk of a choice, where it is asked for', async () => {
    const { chunks } = await readStream(
      await app.tollgate.post(
        L.chat,
        chatBody({ stream: true, stream_options: { include_obfuscation: true } }),
      ),
    );
    expect(chunks).not.toHaveLength(0);
    for (const chunk of chunks)
      expect(chunk).toHaveProperty('obfuscation', expect.stringMatching(/^[\w-]+$/));
  });
});
