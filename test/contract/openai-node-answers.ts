import { expect } from '@jest/globals';
import type OpenAI from 'openai';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { collect } from './collect.js';
import type { ClientContext, Proofs } from './describe-client.js';
import { FAKE } from './harness.js';
import { type Connect, helpersOf } from './openai-node-client.js';
import {
  ANY_PERSON,
  HELLO,
  MANY_BYTES,
  PERSON_FORMAT,
  TWO_CALLS,
  WEATHER_QUESTION,
  WEATHER_REPORT,
  WEATHER_TOOL,
} from './samples.js';

/** What any major of openai-node must get when all goes well. */
export function openAiNodeAnswers(connect: Connect, context: ClientContext): Proofs {
  const { surface } = context;
  return {
    async create() {
      const completion = await connect().chat.completions.create({ model: 'sandbox/chat', messages: HELLO });

      expect(completion).toMatchObject({ object: 'chat.completion', model: 'sandbox/chat' });
      expect(completion.choices).toEqual([expect.objectContaining({ index: 0, finish_reason: 'stop' })]);
      expect(completion.choices[0]?.message).toMatchObject({ role: 'assistant', refusal: null });
      expect(completion.choices[0]?.message.content).toMatch(/\w/);
      expectTokens(completion.usage);
      // oxlint-disable-next-line eslint/no-underscore-dangle -- the SDK's own name
      expect(completion._request_id).toBe(context.harness.inbound[0]?.requestId());
    },

    async stream() {
      const request = { model: 'sandbox/chat', messages: HELLO, seed: 7 };
      const whole = await connect().chat.completions.create(request);
      const chunks = await collect(await connect().chat.completions.create({ ...request, stream: true }));

      const deltas = chunks.flatMap((chunk) => chunk.choices);
      expect(deltas.map((choice) => choice.delta.content ?? '').join('')).toBe(
        whole.choices[0]?.message.content,
      );
      expect(deltas.filter((choice) => choice.delta.role !== undefined)).toEqual([deltas[0]]);
      expect(deltas.filter((choice) => choice.finish_reason !== null)).toEqual([deltas.at(-1)]);
      expect(deltas.at(-1)).toMatchObject({ delta: {}, finish_reason: 'stop' });
      expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    },

    async streamHelper() {
      const request = { model: 'sandbox/chat', messages: HELLO, seed: 7 };
      const whole = await connect().chat.completions.create(request);
      const stream = helpersOf(connect()).stream({ ...request, stream_options: { include_usage: true } });
      const final = await stream.finalChatCompletion();

      expect(final.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
      expect(final.choices[0]?.finish_reason).toBe('stop');
      expect((await stream.totalUsage()).total_tokens).toBe(whole.usage?.total_tokens);
    },

    async usageAsked() {
      const chunks = await collect(
        await connect().chat.completions.create({
          model: 'sandbox/chat',
          messages: HELLO,
          stream: true,
          stream_options: { include_usage: true },
        }),
      );
      const last = chunks.at(-1);
      expect(last?.choices).toEqual([]);
      expectTokens(last?.usage);
      expect(chunks.slice(0, -1).map((chunk) => chunk.usage)).toEqual(chunks.slice(0, -1).map(() => null));
    },

    async usageNotAsked() {
      const chunks = await collect(
        await connect().chat.completions.create({ model: 'sandbox/chat', messages: HELLO, stream: true }),
      );
      expect(chunks.length).toBeGreaterThan(2);
      for (const chunk of chunks) {
        expect(chunk.choices).toHaveLength(1);
        expect(chunk).not.toHaveProperty('usage');
      }
    },

    async choices() {
      const request = { model: 'sandbox/chat', messages: HELLO, n: 2, seed: 7 };
      const whole = await connect().chat.completions.create(request);
      const stream = helpersOf(connect()).stream({ ...request, stream_options: { include_usage: true } });
      const streamed = await stream.finalChatCompletion();

      expect(whole.choices.map((choice) => choice.index)).toEqual([0, 1]);
      const texts = whole.choices.map((choice) => choice.message.content);
      expect(streamed.choices.map((choice) => choice.message.content)).toEqual(texts);
      expect(streamed.usage).toEqual(whole.usage);
    },

    async structured() {
      const request = { model: 'sandbox/chat', messages: HELLO, response_format: PERSON_FORMAT };
      const parsed = await helpersOf(connect()).parse(request);
      expect(parsed.choices[0]?.message.parsed).toEqual(ANY_PERSON);

      const streamed = await helpersOf(connect()).stream(request).finalChatCompletion();
      expect(JSON.parse(streamed.choices[0]?.message.content ?? '')).toEqual(ANY_PERSON);
    },

    async toolLoop() {
      const asked: unknown[] = [];
      const runner = helpersOf(connect()).runTools({
        model: 'sandbox/chat',
        messages: WEATHER_QUESTION,
        tools: [
          {
            type: 'function',
            function: {
              ...WEATHER_TOOL.function,
              parse: (text: string) => JSON.parse(text) as unknown,
              function: (args: unknown) => {
                asked.push(args);
                return WEATHER_REPORT;
              },
            },
          },
        ],
      });
      expect(await runner.finalContent()).toContain(WEATHER_REPORT);
      expect(asked).toEqual([{ city: 'Paris' }]);
      expect(context.harness.inbound).toHaveLength(2);
    },

    async toolAnswer() {
      context.harness.upstream.on('upstream-model', json(chatAnswer({ toolCalls: TWO_CALLS })));
      const completion = await connect().chat.completions.create({
        model: FAKE,
        messages: WEATHER_QUESTION,
        tools: [WEATHER_TOOL],
      });
      const [choice] = completion.choices;
      expect(choice?.finish_reason).toBe('tool_calls');
      expect(choice?.message.content).toBe(surface.name === 'Q' ? null : '');
      expect(choice?.message.tool_calls).toEqual(TWO_CALLS.map(toFunctionCall));
    },

    async toolStream() {
      context.harness.upstream.on('upstream-model', sse(chatChunks([], { toolCalls: TWO_CALLS })));
      const final = await helpersOf(connect())
        .stream({ model: FAKE, messages: WEATHER_QUESTION, tools: [WEATHER_TOOL] })
        .finalChatCompletion();
      expect(final.choices[0]?.finish_reason).toBe('tool_calls');
      expect(final.choices[0]?.message.tool_calls).toMatchObject(TWO_CALLS.map(toFunctionCall));
    },

    async models() {
      const listed = await collect(await connect().models.list());
      expect(listed.map((model) => model.id)).toContain('sandbox/chat');
      const model = await connect().models.retrieve('sandbox/chat');
      expect(model).toMatchObject({ id: 'sandbox/chat', object: 'model' });
      expect(listed).toContainEqual(JSON.parse(JSON.stringify(model)));
    },

    async completions() {
      const request = { model: 'sandbox/chat', prompt: 'Once upon a time', max_tokens: 12, seed: 7 };
      const whole = await connect().completions.create(request);
      expect(whole).toMatchObject({ object: 'text_completion', model: 'sandbox/chat' });
      expectTokens(whole.usage);

      const chunks = await collect(await connect().completions.create({ ...request, stream: true }));
      const text = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.text)).join('');
      expect(text).toBe(whole.choices[0]?.text);
      expect(text).toMatch(/\w/);
    },

    async reasoning() {
      const request = { model: 'sandbox/reasoner', messages: HELLO, seed: 7 };
      const whole = await connect().chat.completions.create(request);
      const message = whole.choices[0]?.message as { content: string; reasoning_content?: string };
      expect(message.reasoning_content).toMatch(/\w/);

      const chunks = await collect(await connect().chat.completions.create({ ...request, stream: true }));
      const said = (key: 'content' | 'reasoning_content') =>
        chunks
          .flatMap((chunk) =>
            chunk.choices.map(({ delta }) => (delta as Record<typeof key, string>)[key] ?? ''),
          )
          .join('');
      expect(said('reasoning_content')).toBe(message.reasoning_content);
      expect(said('content')).toBe(message.content);
    },

    async bytes() {
      context.harness.upstream.on('upstream-model', sse(chatChunks(MANY_BYTES), { writeBytes: 1 }));
      const stream = helpersOf(connect()).stream({ model: FAKE, messages: HELLO });
      expect(await stream.finalContent()).toBe(MANY_BYTES.join(''));
    },

    async heartbeat() {
      context.harness.upstream.on(
        'upstream-model',
        sse(chatChunks(['slow', ' but', ' sure']), { delayMs: 80 }),
      );
      const stream = helpersOf(connect()).stream({ model: FAKE, messages: HELLO });
      expect(await stream.finalContent()).toBe('slow but sure');
      expect(context.harness.inbound[0]?.comments()).toBeGreaterThan(0);
    },

    ...(surface.name === 'W' && {
      async headerKey() {
        const client = connect({ apiKey: 'unused', defaultHeaders: { 'X-API-Key': context.apiKey } });
        const completion = await client.chat.completions.create({ model: 'sandbox/echo', messages: HELLO });
        expect(completion.choices[0]?.message.content).toBe('Hello, who are you?');
      },
    }),
  };
}

function toFunctionCall({ id, name, arguments: args }: (typeof TWO_CALLS)[number]) {
  return { id, type: 'function', function: { name, arguments: args } };
}

function expectTokens(usage: OpenAI.CompletionUsage | null | undefined): void {
  expect(usage?.prompt_tokens).toBeGreaterThan(0);
  expect(usage?.completion_tokens).toBeGreaterThan(0);
  expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
}
