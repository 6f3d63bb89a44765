import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CompletionRequest } from '../../src/contracts/openai/completion.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { controlled, json, raw, sse, endless } from '../support/fake-upstream-replies.js';
import {
  chatAnswer,
  chatChunks,
  completionAnswer,
  completionChunks,
  wireError,
  wireUsage,
} from '../support/fake-upstream-wire.js';
import { callOf, failureOf, OpenAiHarness, Recorder, textOf } from '../support/openai-harness.js';

const harness = new OpenAiHarness();

beforeEach(() => harness.start());
afterEach(() => harness.stop());

describe('OpenAiAdapter: broken streams', () => {
  it.each([
    [{ code: 429 }, 'upstream_rate_limited'],
    [{ type: 'overloaded_error' }, 'upstream_unavailable'],
    [{ code: 'context_length_exceeded' }, 'context_length_exceeded'],
    [{ type: 'server_error' }, 'upstream_error'],
    [{ code: 502 }, 'upstream_error'],
  ])('U15: an error event %j before any chunk is %s', async (fields, code) => {
    harness.upstream.enqueue(sse([wireError('no', { type: 'x', ...fields })]));
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toMatchObject({
      code,
    });
    expect(recorder.chunks).toEqual([]);
  });

  it('U15: an event named error is one, whatever its data', async () => {
    harness.upstream.enqueue(sse([], { prelude: 'event: error\ndata: {"message":"x"}\n\n' }));
    await expect(harness.stream().ended).resolves.toMatchObject({ code: 'upstream_error' });
  });

  it('U16: an error event midway ends the stream, and no retry is safe', async () => {
    harness.upstream.enqueue(
      sse([...chatChunks('a b c', { finishReason: null, usage: null }), wireError('x', { code: 429 })]),
    );
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toMatchObject({
      code: 'upstream_rate_limited',
      safeToRetry: false,
    });
    expect(textOf(recorder.chunks)).toBe('a b c');
  });

  it('U16: a finish_reason that means failure is one', async () => {
    harness.upstream.enqueue(sse(chatChunks('a b', { finishReason: 'error' })));
    await expect(harness.stream().ended).resolves.toMatchObject({ code: 'upstream_error' });
  });

  it('U17: a reset after some chunks is upstream_error, after those chunks', async () => {
    const live = controlled();
    harness.upstream.enqueue(live.reply);
    const recorder = harness.stream();
    for (const chunk of chatChunks('a b c', { finishReason: null, usage: null })) await live.event(chunk);
    await recorder.atLeast(4);
    await live.end('reset');
    await expect(recorder.ended).resolves.toMatchObject({ code: 'upstream_error', safeToRetry: false });
    expect(textOf(recorder.chunks)).toBe('a b c');
  });

  it.each([
    ['clean', []],
    ['clean', chatChunks('a b c', { finishReason: null })],
    ['hang-up', chatChunks('a b c', { finishReason: null })],
    ['clean', chatChunks('a b c', { n: 2 }).filter(({ choices }) => !finishes(choices, 1))],
  ] as const)('U18: a %s end without [DONE] and finish_reason is an error (%#)', async (ending, events) => {
    harness.upstream.enqueue(sse(events, { done: false, ending }));
    await expect(harness.stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U18: [DONE] does not make an unfinished choice finished', async () => {
    harness.upstream.enqueue(sse(chatChunks('a b c', { finishReason: null })));
    await expect(harness.stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U18: an end without [DONE] after every choice has finished is complete', async () => {
    harness.upstream.enqueue(sse(chatChunks('a b c', { n: 2 }), { done: false }));
    await expect(harness.stream().ended).resolves.toBeUndefined();
  });

  it('U18: an event that is cut short is an error', async () => {
    harness.upstream.enqueue(sse(chatChunks('a'), { done: false, prelude: 'data: {"choices":[\n\n' }));
    await expect(harness.stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U23: what comes after [DONE] is ignored, also a second [DONE] and an error', async () => {
    harness.upstream.enqueue(
      sse([...chatChunks('a b'), '[DONE]', ...chatChunks('c d'), wireError('x'), 'no json']),
    );
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toBe('a b');
  });

  it('U23: an upstream that goes on for ever after [DONE] is cut off', async () => {
    harness.upstream.enqueue(async (response) => {
      response.head(200, { 'content-type': 'text/event-stream' });
      for (const event of [...chatChunks('a'), '[DONE]']) await response.event(event);
      while (!response.gone) await response.write(': more\n');
    });
    await expect(harness.stream().ended).resolves.toBeUndefined();
    expect(await (await harness.upstream.nextRequest()).closed).toBe('aborted');
  });
});

describe('OpenAiAdapter: odd streams', () => {
  const TEXT = 'Grüße 漢字 🙂👩‍👩‍👧 ende';

  it.each(['\n', '\r\n', '\r'] as const)(
    'U20: survives one byte per write (line end %j)',
    async (newline) => {
      harness.upstream.enqueue(sse(chatChunks(TEXT), { writeBytes: 1, newline }));
      const recorder = harness.stream();
      await expect(recorder.ended).resolves.toBeUndefined();
      expect(textOf(recorder.chunks)).toBe(TEXT);
    },
  );

  it('U21: passes one event of 5 MB', async () => {
    const huge = 'é'.repeat(2_500_000);
    harness.upstream.enqueue(sse(chatChunks([huge])));
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks) === huge).toBe(true);
  });

  it('U21: passes 100,000 events that come at once', async () => {
    const [role, content, ...rest] = chatChunks('x');
    harness.upstream.enqueue(
      sse([role, ...Array.from({ length: 100_000 }, () => content), ...rest], { writeBytes: 2 ** 24 }),
    );
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toHaveLength(100_000);
  });

  it('U21: refuses an event beyond the limit', async () => {
    harness.upstream.enqueue(sse(chatChunks(['x'.repeat(9 * 1024 * 1024)])));
    await expect(harness.stream().ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('U22: reads BOM, comments, ids, events without space, data in several lines', async () => {
    const [first, second, ...rest] = chatChunks('a b').map((chunk) => JSON.stringify(chunk));
    const text = [
      '\uFEFF: welcome\r\n\r\nid: 1\r\nevent: message\r\nretry: 5\r\n',
      `data:${first}\r\n\r\n`,
      `: OPENROUTER PROCESSING\n\ndata: ${second?.replace(',', ',\ndata: ')}\n\n`,
      ...rest.map((event) => `data: ${event}\n\n`),
      'data: [DONE]',
    ].join('');
    harness.upstream.enqueue(raw(text, { headers: { 'content-type': 'text/event-stream' } }));
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(textOf(recorder.chunks)).toBe('a b');
  });

  it('U24: a whole answer to a stream becomes chunks', async () => {
    const toolCalls = [{ id: 'call_1', name: 'add', arguments: '{"a":1}' }];
    harness.upstream.enqueue(json(chatAnswer({ toolCalls, reasoning: 'hm' })));
    const recorder = harness.stream();
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(recorder.chunks.map(({ choices, usage }) => ({ choices, usage }))).toEqual([
      {
        choices: [
          {
            index: 0,
            delta: {
              role: 'assistant',
              content: null,
              refusal: null,
              reasoning_content: 'hm',
              tool_calls: [
                { index: 0, id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } },
              ],
            },
            finish_reason: null,
          },
        ],
        usage: undefined,
      },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }], usage: undefined },
      { choices: [], usage: wireUsage() },
    ]);
  });

  it('U24: a stream to a whole answer is collected', async () => {
    const toolCalls = [
      { id: 'call_1', name: 'add', arguments: '{"a":1}' },
      { id: 'call_2', name: 'sub', arguments: '{"b":2}' },
    ];
    harness.upstream.enqueue(
      sse(chatChunks(TEXT, { n: 2, reasoning: ['h', 'm'] })),
      sse(chatChunks('', { toolCalls })),
    );
    const adapter = harness.adapterTo();
    const told = await harness.complete(adapter);
    expect(told.usage).toEqual(wireUsage());
    expect(told.choices).toEqual(
      [0, 1].map((index) => ({
        index,
        message: { role: 'assistant', content: TEXT, refusal: null, reasoning_content: 'hm' },
        finish_reason: 'stop',
        logprobs: null,
      })),
    );
    const called = await harness.complete(adapter);
    expect(called.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: toolCalls.map(({ id, ...rest }) => ({ id, type: 'function', function: rest })),
      },
    });
  });

  it('U24: bounds a stream to a whole answer that never ends', async () => {
    harness.upstream.enqueue(endless(chatChunks(['x'.repeat(100_000)])[1]));
    expect((await failureOf(harness.complete())).code).toBe('upstream_bad_response');
    expect(await (await harness.upstream.nextRequest()).closed).toBe('aborted');
  });

  it('U24: both ways over /completions', async () => {
    const adapter = harness.adapterTo();
    const request: CompletionRequest = { model: 'm', prompt: 'a' };
    harness.upstream.enqueue(sse(completionChunks('one two')), json(completionAnswer({ text: 'one two' })));
    const answer = await adapter.completeText(callOf(request), new AbortController().signal);
    expect(answer).toEqual({
      choices: [{ text: 'one two', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: wireUsage(),
    });
    const recorder = new Recorder(adapter.streamText(callOf(request), new FlowGate()));
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(recorder.chunks).toEqual([{ choices: answer.choices }, { choices: [], usage: wireUsage() }]);
  });

  it.each(['gzip', 'deflate', 'br'] as const)(
    'U25: decodes %s although nobody asked for it',
    async (encoding) => {
      const adapter = harness.adapterTo();
      harness.upstream.enqueue(
        json(chatAnswer({ content: TEXT }), { encoding }),
        sse(chatChunks(TEXT), { encoding, writeBytes: 7 }),
        sse(chatChunks(TEXT, { finishReason: null }), { encoding }),
        raw('{"error":{"message":"too hot"}}', { status: 400, encoding }),
      );
      expect((await harness.complete(adapter)).choices[0]?.message.content).toBe(TEXT);
      const recorder = harness.stream(adapter);
      await expect(recorder.ended).resolves.toBeUndefined();
      expect(textOf(recorder.chunks)).toBe(TEXT);
      await expect(harness.stream(adapter).ended).resolves.toMatchObject({ code: 'upstream_bad_response' });
      expect((await failureOf(harness.complete(adapter))).message).toBe('too hot');
    },
  );

  it('U25: bounds what it decodes, and refuses what it cannot', async () => {
    harness.upstream.enqueue(
      raw(Buffer.alloc(65 * 1024 * 1024, ' '), { encoding: 'gzip' }),
      raw('nothing compressed', { headers: { 'content-encoding': 'gzip' } }),
      raw('{}', { headers: { 'content-encoding': 'rot13' } }),
    );
    const adapter = harness.adapterTo();
    for (let i = 0; i < 3; i += 1)
      expect((await failureOf(harness.complete(adapter))).code).toBe('upstream_bad_response');
  });
});

function finishes(choices: unknown, index: number): boolean {
  return (choices as { index: number; finish_reason: unknown }[]).some(
    (choice) => choice.index === index && choice.finish_reason !== null,
  );
}
