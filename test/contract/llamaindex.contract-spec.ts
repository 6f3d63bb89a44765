import type { MessageContent, ToolCallLLMMessageOptions } from '@llamaindex/core/llms';
import { tool } from '@llamaindex/core/tools';
import { OpenAI } from '@llamaindex/openai';
import { expect } from '@jest/globals';
import { failure, json, sse, stall } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { type ClientContext, describeClient, type Proofs } from './describe-client.js';
import { FAKE, IMPATIENT } from './harness.js';
import {
  HELLO,
  MANY_BYTES,
  TWO_CALLS,
  WEATHER_PARAMETERS,
  WEATHER_QUESTION,
  WEATHER_REPORT,
} from './samples.js';

type Options = Pick<
  NonNullable<ConstructorParameters<typeof OpenAI>[0]>,
  'apiKey' | 'temperature' | 'maxRetries' | 'additionalChatOptions'
>;

describeClient('@llamaindex/openai', llamaIndex);

function llamaIndex(context: ClientContext): Proofs {
  const { surface } = context;
  const llm = (model: string, options: Options = {}) =>
    new OpenAI({ apiKey: context.apiKey, baseURL: context.baseUrl, model, ...options });

  return {
    async create() {
      const { message, raw } = await llm('sandbox/chat').chat({ messages: HELLO });
      expect(message).toMatchObject({ role: 'assistant', content: expect.stringMatching(/\w/) });
      expect(raw).toMatchObject({ usage: { total_tokens: expect.any(Number) } });
    },

    async stream() {
      const model = llm('sandbox/chat', { additionalChatOptions: { seed: 7 } });
      const whole = await model.chat({ messages: HELLO });
      expect(await streamedText(model)).toBe(whole.message.content);
    },

    async toolLoop() {
      const weather = tool({
        name: 'get_weather',
        description: 'The weather of a city.',
        parameters: WEATHER_PARAMETERS,
        execute: (input) => `${(input as { city: string }).city}: ${WEATHER_REPORT}`,
      });
      const model = llm('sandbox/chat');
      const asked = await model.chat({ messages: WEATHER_QUESTION, tools: [weather] });
      const [call] = toolCallsOf(asked.message.options);
      expect(call).toMatchObject({ name: 'get_weather', input: '{"city":"Paris"}' });

      const result = await weather.call({ city: 'Paris' });
      const answered = {
        role: 'user' as const,
        content: result as MessageContent,
        options: { toolResult: { id: call!.id, result: String(result), isError: false } },
      };
      const answer = await model.chat({
        messages: [...WEATHER_QUESTION, asked.message, answered],
        tools: [weather],
      });
      expect(answer.message.content).toContain(`Paris: ${WEATHER_REPORT}`);
    },

    async toolAnswer() {
      context.harness.upstream.on('upstream-model', json(chatAnswer({ toolCalls: TWO_CALLS })));
      const { message } = await llm(FAKE).chat({ messages: WEATHER_QUESTION });
      expect(message.content).toBe('');
      expect(toolCallsOf(message.options)).toEqual(
        TWO_CALLS.map(({ id, name, arguments: input }) => ({ id, name, input })),
      );
    },

    async bytes() {
      context.harness.upstream.on('upstream-model', sse(chatChunks(MANY_BYTES), { writeBytes: 1 }));
      expect(await streamedText(llm(FAKE))).toBe(MANY_BYTES.join(''));
    },

    async heartbeat() {
      context.harness.upstream.on(
        'upstream-model',
        sse(chatChunks(['slow', ' but', ' sure']), { delayMs: 80 }),
      );
      expect(await streamedText(llm(FAKE))).toBe('slow but sure');
      expect(context.harness.inbound[0]?.comments()).toBeGreaterThan(0);
    },

    async badKey() {
      const model = llm('sandbox/chat', { apiKey: 'sk-wrong-key-of-a-test' });
      await expect(model.chat({ messages: HELLO })).rejects.toMatchObject({
        status: 401,
        code: 'invalid_api_key',
        message: expect.stringMatching(/^401 Incorrect API key provided/),
        requestID: expect.stringMatching(/^req_/),
      });
      expect(context.statuses).toEqual([401]);
    },

    async badBody() {
      await expect(llm('sandbox/chat', { temperature: 3 }).chat({ messages: HELLO })).rejects.toMatchObject({
        status: surface.invalid,
        param: 'temperature',
        message: expect.stringMatching(/less than or equal to 2|<= 2/),
      });
      expect(context.statuses).toEqual([surface.invalid]);
    },

    async noModel() {
      await expect(llm('no/such-model').chat({ messages: HELLO })).rejects.toMatchObject({
        status: 404,
        code: 'model_not_found',
      });
    },

    async rateLimit() {
      const model = llm('sandbox/echo', { apiKey: await context.harness.exhaustedKey() });
      const { message } = await model.chat({ messages: HELLO });
      expect(message.content).toBe('Hello, who are you?');
      expect(context.statuses).toEqual([429, 200]);
    },

    async upstreamFailed() {
      context.harness.upstream.on('upstream-model', failure(500));
      // Ten tries of a 502 are this client's default.
      const patience = surface.upstreamFailed.status === 502 ? { maxRetries: 0 } : {};
      await expect(llm(FAKE, patience).chat({ messages: HELLO })).rejects.toMatchObject({
        status: surface.upstreamFailed.status,
        message: expect.stringContaining('provider failed'),
      });
      expect(context.statuses).toEqual([surface.upstreamFailed.status]);
    },

    async upstreamSilent() {
      context.harness.upstream.on('upstream-model', stall());
      await expect(llm(IMPATIENT).chat({ messages: HELLO })).rejects.toMatchObject({
        status: surface.upstreamTimedOut.status,
      });
      expect(context.statuses).toEqual([surface.upstreamTimedOut.status]);
    },

    async failsEarly() {
      context.harness.upstream.on('upstream-model', sse([{ error: { message: 'no' } }], { done: false }));
      await expect(streamedText(llm(FAKE, { maxRetries: 0 }))).rejects.toMatchObject({
        status: surface.upstreamFailed.status,
      });
    },

    async failsMidway() {
      const broken = chatChunks(['Two', ' tokens'], { finishReason: null, usage: null });
      context.harness.upstream.on('upstream-model', sse(broken, { done: false, ending: 'reset' }));
      await expect(streamedText(llm(FAKE))).rejects.toMatchObject({ code: 'upstream_error' });
      expect(context.harness.inbound).toHaveLength(1);
    },
  };
}

async function streamedText(model: OpenAI): Promise<string> {
  let text = '';
  for await (const chunk of await model.chat({ messages: HELLO, stream: true })) text += chunk.delta;
  return text;
}

function toolCallsOf(options: ToolCallLLMMessageOptions | undefined) {
  return options !== undefined && 'toolCall' in options ? options.toolCall : [];
}
