import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { lastValueFrom, take, toArray } from 'rxjs';
import { OwnTimers } from '../../../../test/support/own-timers.js';
import type {
  ChatChoice,
  ChatCompletionRequest,
  ChatMessage,
  TokenLogprob,
  Tool,
  Usage,
} from '../../../contracts/openai/chat-completion.js';
import { FlowGate } from '../../../streaming/flow-gate.js';
import { UpstreamError } from '../../upstream.errors.js';
import type { ChatChunk, UpstreamCall } from '../../upstream.port.js';
import { SandboxAdapter } from './sandbox.adapter.js';
import { SANDBOX_UPSTREAM_MODELS } from './sandbox.models.js';

const sandbox = new SandboxAdapter({ slowPauseMs: 1 });
const TIMEOUTS = { connectMs: 5_000, firstTokenMs: 5_000, betweenChunksMs: 5_000, totalMs: 5_000 };

type Request = Partial<ChatCompletionRequest>;

function callFor(
  request: Request,
  timeouts: Partial<typeof TIMEOUTS> = {},
): UpstreamCall<ChatCompletionRequest> {
  return {
    requestId: 'req_1',
    request: { model: 'chat', messages: [user('hi')], ...request },
    timeouts: { ...TIMEOUTS, ...timeouts },
  };
}

function user(content: NonNullable<ChatMessage['content']>): ChatMessage {
  return { role: 'user', content };
}

async function complete(
  request: Request,
): Promise<{ choices: ChatChoice[]; choice: ChatChoice; usage: Usage }> {
  const { choices, usage } = await sandbox.completeChat(callFor(request), new AbortController().signal);
  return { choices, choice: choices[0] as ChatChoice, usage: usage as Usage };
}

async function stream(request: Request): Promise<ChatChunk[]> {
  return lastValueFrom(sandbox.streamChat(callFor(request), new FlowGate()).pipe(toArray()));
}

/** Chunks until the stream ended, and what it ended with. */
async function streamToFailure(
  call: UpstreamCall<ChatCompletionRequest>,
): Promise<{ chunks: ChatChunk[]; error: unknown }> {
  const chunks: ChatChunk[] = [];
  return new Promise((resolve, reject) => {
    sandbox.streamChat(call, new FlowGate()).subscribe({
      next: (chunk) => chunks.push(chunk),
      error: (error) => resolve({ chunks, error }),
      complete: () => reject(new Error('The stream completed')),
    });
  });
}

/** Puts a stream together the way a client does. */
function assemble(chunks: readonly ChatChunk[]): { choices: ChatChoice[]; usage: unknown } {
  const choices: ChatChoice[] = [];
  for (const { index, delta, finish_reason, logprobs } of chunks.flatMap((chunk) => chunk.choices)) {
    const choice = (choices[index] ??= {
      index,
      message: { role: 'assistant', content: null, refusal: null },
      finish_reason: 'stop',
      logprobs: null,
    });
    const { message } = choice;
    if (typeof delta.content === 'string') message.content = (message.content ?? '') + delta.content;
    if (typeof delta.refusal === 'string') message.refusal = (message.refusal ?? '') + delta.refusal;
    if (typeof delta.reasoning_content === 'string') {
      message.reasoning_content = (message.reasoning_content ?? '') + delta.reasoning_content;
    }
    for (const call of delta.tool_calls ?? []) {
      message.tool_calls ??= [];
      const known = message.tool_calls[call.index];
      if (known === undefined) message.tool_calls[call.index] = structuredClone(call) as never;
      else if (known.type === 'function') known.function.arguments += call.function?.arguments ?? '';
      else known.custom.input += call.custom?.input ?? '';
    }
    if (delta.function_call !== undefined) {
      const known = (message.function_call ??= { name: delta.function_call.name ?? '', arguments: '' });
      known.arguments += delta.function_call.arguments ?? '';
    }
    if (logprobs) {
      choice.logprobs ??= { content: null, refusal: null };
      for (const part of ['content', 'refusal'] as const) {
        if (logprobs[part]) choice.logprobs[part] = [...(choice.logprobs[part] ?? []), ...logprobs[part]];
      }
    }
    if (finish_reason !== null) choice.finish_reason = finish_reason;
  }
  for (const { message } of choices) {
    for (const call of message.tool_calls ?? []) Reflect.deleteProperty(call, 'index');
    if (message.refusal !== null && message.content === '') message.content = null;
  }
  return { choices, usage: chunks.find((chunk) => chunk.usage !== undefined)?.usage };
}

const TOOLS: Tool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
  {
    type: 'function',
    function: {
      name: 'get_time',
      parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] },
    },
  },
  { type: 'custom', custom: { name: 'note' } },
];

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

function scoresOf({ logprobs }: ChatChoice): TokenLogprob[] {
  return [...(logprobs?.content ?? []), ...(logprobs?.refusal ?? [])];
}

describe('SandboxAdapter', () => {
  describe('streams', () => {
    it('case 41: join to exactly the answer that is not streamed', async () => {
      const request = fc.record(
        {
          model: fc.constantFrom('chat', 'echo', 'reasoner', 'refusal', 'empty', 'slow', 'no-usage'),
          messages: fc
            .array(fc.constantFrom('weather?', 'ünï 👋 time', 'note "this"', 'hi'), {
              minLength: 1,
              maxLength: 3,
            })
            .map((texts) => texts.map(user)),
          seed: fc.nat(),
          n: fc.integer({ min: 1, max: 5 }),
          max_tokens: fc.integer({ min: 1, max: 40 }),
          stop: fc.constantFrom(' ', 'you', ['sandbox', '.']),
          logprobs: fc.boolean(),
          top_logprobs: fc.nat(3),
          tools: fc.constantFrom(TOOLS),
          response_format: fc.constantFrom({ type: 'json_object' as const }, { type: 'text' as const }),
        },
        { requiredKeys: ['model', 'messages', 'seed'] },
      );
      await fc.assert(
        fc.asyncProperty(request, async (wanted) => {
          const { choices, usage } = await complete(wanted);
          const joined = assemble(await stream(wanted));
          expect(joined.usage).toEqual(usage);
          expect(joined.choices.map(({ message }) => message)).toEqual(choices.map(({ message }) => message));
          expect(joined.choices.map((choice) => choice.finish_reason)).toEqual(
            choices.map((choice) => choice.finish_reason),
          );
          expect(joined.choices.map(scoresOf)).toEqual(choices.map(scoresOf));
        }),
        { numRuns: 150 },
      );
    });

    it('cases 40, 41: one role first and one finish last for each choice, then usage alone', async () => {
      const chunks = await stream({ n: 2 });
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
      for (const index of [0, 1]) {
        const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
        expect(own.map(({ delta }) => 'role' in delta)).toEqual(own.map((_, position) => position === 0));
        expect(own.map((choice) => choice.finish_reason)).toEqual([...own.slice(1).map(() => null), 'stop']);
        expect(own.at(-1)?.delta).toEqual({});
      }
    });

    it('case 54: name each tool call once and then give bare fragments, index dense from 0', async () => {
      const chunks = await stream({ messages: [user('weather and time')], tools: TOOLS });
      const deltas = chunks.flatMap(({ choices }) => choices).flatMap(({ delta }) => delta.tool_calls ?? []);
      const heads = deltas.filter((delta) => 'id' in delta);
      expect(heads).toEqual([
        {
          index: 0,
          id: expect.any(String),
          type: 'function',
          function: { name: 'get_weather', arguments: '' },
        },
        { index: 1, id: expect.any(String), type: 'function', function: { name: 'get_time', arguments: '' } },
      ]);
      const fragments = deltas.filter((delta) => !heads.includes(delta));
      expect(fragments.length).toBeGreaterThan(3);
      for (const { index, function: part } of fragments) {
        expect(fragments).toContainEqual({ index, function: { arguments: part?.arguments } });
      }
    });

    it('begin after subscribing has returned, and give way to others in between', async () => {
      const order: string[] = [];
      const done = new Promise<void>((resolve) => {
        sandbox.streamChat(callFor({}), new FlowGate()).subscribe({
          next: () => order.push('chunk'),
          complete: () => {
            order.push('done');
            resolve();
          },
        });
      });
      order.push('subscribed');
      setImmediate(() => order.push('other work'));
      await done;
      expect(order[0]).toBe('subscribed');
      expect(order.indexOf('other work')).toBeLessThan(order.indexOf('done'));
    });

    it('stand still while the flow gate is closed and go on when it opens', async () => {
      const gate = new FlowGate();
      const chunks: ChatChunk[] = [];
      const done = new Promise<void>((resolve, reject) => {
        sandbox.streamChat(callFor({ n: 4 }), gate).subscribe({
          next: (chunk) => {
            chunks.push(chunk);
            if (chunks.length === 1) gate.close();
          },
          complete: resolve,
          error: reject,
        });
      });
      await turns(20);
      const held = chunks.length;
      await turns(20);
      expect(chunks).toHaveLength(held);
      expect(held).toBeLessThan(10);
      gate.open();
      await done;
      expect(assemble(chunks).choices).toEqual((await complete({ n: 4 })).choices);
    });

    it('case 103: do not mix when 50 run at once', async () => {
      const texts = Array.from({ length: 50 }, (_, index) => `stream number ${index}`);
      const all = await Promise.all(texts.map((text) => stream({ model: 'echo', messages: [user(text)] })));
      expect(all.map((chunks) => assemble(chunks).choices[0]?.message.content)).toEqual(texts);
    });
  });

  describe('failure models', () => {
    it.each([
      ['error-400', { code: 'upstream_rejected_request', upstreamStatus: 400, safeToRetry: false }],
      [
        'error-429',
        { code: 'upstream_rate_limited', upstreamStatus: 429, retryAfterMs: 2_000, safeToRetry: true },
      ],
      ['error-500', { code: 'upstream_error', upstreamStatus: 500, safeToRetry: false }],
      ['error-503', { code: 'upstream_unavailable', upstreamStatus: 503, safeToRetry: true }],
      ['no-such-model', { code: 'upstream_rejected_request', upstreamStatus: 404 }],
      ['constructor', { code: 'upstream_rejected_request', upstreamStatus: 404 }],
    ])('case 48: %s fails before anything is said, streamed or not', async (model, expected) => {
      await expect(complete({ model })).rejects.toMatchObject(expected);
      const { chunks, error } = await streamToFailure(callFor({ model }));
      expect(chunks).toEqual([]);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(error).toMatchObject(expected);
    });

    it.each([
      ['disconnect', 'upstream_error', 'U17'],
      ['truncated', 'upstream_bad_response', 'U18'],
    ])('case 49: %s says something, then fails as %s without a finish reason (%s)', async (model, code) => {
      await expect(complete({ model })).rejects.toMatchObject({ code });
      const { chunks, error } = await streamToFailure(callFor({ model, n: 2 }));
      expect(chunks.filter(({ choices }) => choices[0]?.delta.content).length).toBeGreaterThanOrEqual(2);
      expect(chunks.every(({ choices }) => choices[0]?.finish_reason === null)).toBe(true);
      expect(error).toMatchObject({ code });
    });

    it('case 64: timeout says nothing and fails at the deadline', async () => {
      const short = callFor({ model: 'timeout' }, { totalMs: 20, firstTokenMs: 10 });
      const { chunks, error } = await streamToFailure(short);
      expect(chunks).toEqual([]);
      expect(error).toMatchObject({ code: 'upstream_timeout' });
      await expect(sandbox.completeChat(short, new AbortController().signal)).rejects.toMatchObject({
        code: 'upstream_timeout',
      });
    });

    it('U19: stall says something, is silent and fails at the deadline', async () => {
      const { chunks, error } = await streamToFailure(callFor({ model: 'stall' }, { betweenChunksMs: 10 }));
      expect(chunks.length).toBeGreaterThan(2);
      expect(error).toMatchObject({ code: 'upstream_timeout' });
    });

    it('slow, not streamed, ends at the deadline of the whole attempt', async () => {
      const late = callFor({ model: 'slow' }, { totalMs: 5 });
      await expect(sandbox.completeChat(late, new AbortController().signal)).rejects.toMatchObject({
        code: 'upstream_timeout',
      });
    });

    it('U26: slow, streamed, may take longer than that as long as it is not silent', async () => {
      const late = callFor({ model: 'slow' }, { totalMs: 20, firstTokenMs: 20 });
      const chunks = await lastValueFrom(sandbox.streamChat(late, new FlowGate()).pipe(toArray()));
      expect(chunks.at(-1)).toHaveProperty('usage');
    });

    it('empty, refusal and no-usage are what they say', async () => {
      expect((await complete({ model: 'empty' })).choice).toMatchObject({
        message: { content: '', refusal: null },
        finish_reason: 'stop',
      });
      expect((await complete({ model: 'refusal' })).choice).toMatchObject({
        message: { content: null, refusal: expect.stringContaining('declines') },
        finish_reason: 'content_filter',
      });
      expect((await complete({ model: 'no-usage' })).usage).toBeUndefined();
      expect((await stream({ model: 'no-usage' })).every((chunk) => !('usage' in chunk))).toBe(true);
    });
  });

  describe('cancelling', () => {
    it.each(SANDBOX_UPSTREAM_MODELS)('I9: leaves nothing of a stream of %s', async (model) => {
      using timers = new OwnTimers();
      const subscription = timers.watch(() =>
        sandbox.streamChat(callFor({ model }), new FlowGate()).subscribe({ error: () => {} }),
      );
      await new Promise(setImmediate);
      subscription.unsubscribe();
      expect(await timers.left()).toEqual([]);
    });

    it('I9: leaves nothing after a stream has ended by itself', async () => {
      using timers = new OwnTimers();
      await timers.watch(async () => {
        await stream({});
        await lastValueFrom(sandbox.streamChat(callFor({}), new FlowGate()).pipe(take(3)));
      });
      expect(await timers.left()).toEqual([]);
    });

    it('case 51: gives no chunk after the subscriber has left, not even within one read', async () => {
      const chunks = await lastValueFrom(
        sandbox.streamChat(callFor({}), new FlowGate()).pipe(take(2), toArray()),
      );
      expect(chunks).toHaveLength(2);
    });

    it('K2: a stream that waits at a closed gate stays silent once it was left', async () => {
      const gate = new FlowGate();
      gate.close();
      const chunks: ChatChunk[] = [];
      const subscription = sandbox.streamChat(callFor({}), gate).subscribe((chunk) => chunks.push(chunk));
      await new Promise(setImmediate);
      subscription.unsubscribe();
      gate.open();
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      expect(chunks).toEqual([]);
    });

    it.each(['timeout', 'stall', 'slow'])('K1: ends a call of %s at once', async (model) => {
      using timers = new OwnTimers();
      const controller = new AbortController();
      const answer = timers.watch(() => sandbox.completeChat(callFor({ model }), controller.signal));
      controller.abort();
      await expect(answer).rejects.toBeInstanceOf(UpstreamError);
      expect(await timers.left()).toEqual([]);
    });

    it('does not begin a call that was cancelled before', async () => {
      await expect(sandbox.completeChat(callFor({}), AbortSignal.abort())).rejects.toBeInstanceOf(
        UpstreamError,
      );
    });
  });
});
