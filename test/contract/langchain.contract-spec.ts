import { type AIMessageChunk, HumanMessage, ToolMessage, type UsageMetadata } from '@langchain/core/messages';
import { DynamicStructuredTool } from '@langchain/core/tools';
import { ChatOpenAI, type ChatOpenAIFields, OpenAI } from '@langchain/openai';
import { expect } from '@jest/globals';
import { failure, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { collect } from './collect.js';
import { type ClientContext, describeClient, type Proofs } from './describe-client.js';
import { FAKE } from './harness.js';
import {
  ANY_PERSON,
  HELLO,
  MANY_BYTES,
  PERSON_SCHEMA,
  TWO_CALLS,
  WEATHER_PARAMETERS,
  WEATHER_REPORT,
  WEATHER_TOOL,
} from './samples.js';

const HI = HELLO[0]!.content;

const TOOL_CALLS = TWO_CALLS.map((call) =>
  expect.objectContaining({ id: call.id, name: call.name, args: JSON.parse(call.arguments) as unknown }),
);

describeClient('@langchain/openai', langChain);

function langChain(context: ClientContext): Proofs {
  const { surface } = context;
  const fields = () => ({ apiKey: context.apiKey, configuration: { baseURL: context.baseUrl } });
  const chat = (model: string, options: Partial<ChatOpenAIFields> = {}) =>
    new ChatOpenAI({ ...fields(), model, ...options });

  return {
    async create() {
      const answer = await chat('sandbox/chat').invoke(HI);
      expect(answer.text).toMatch(/\w/);
      expect(answer.response_metadata['finish_reason']).toBe('stop');
      expectTokens(answer.usage_metadata);
    },

    async stream() {
      const whole = await chat('sandbox/chat', { modelKwargs: { seed: 7 } }).invoke(HI);
      const chunks = await collect(await chat('sandbox/chat', { modelKwargs: { seed: 7 } }).stream(HI));
      expect(chunks.length).toBeGreaterThan(2);
      expect(chunks.map((chunk) => chunk.text).join('')).toBe(whole.text);
    },

    async usageAsked() {
      const whole = joined(await collect(await chat('sandbox/chat').stream(HI)));
      expectTokens(whole.usage_metadata);
      expect(whole.response_metadata['finish_reason']).toBe('stop');
    },

    async choices() {
      const { generations, llmOutput } = await chat('sandbox/chat', { n: 2 }).generate([
        [new HumanMessage(HI)],
      ]);
      expect(generations[0]).toHaveLength(2);
      expect(llmOutput?.['tokenUsage']).toMatchObject({ totalTokens: expect.any(Number) });
    },

    async structured() {
      const schema = { title: 'person', ...PERSON_SCHEMA };
      const model = chat('sandbox/chat').withStructuredOutput(schema, { method: 'jsonSchema', strict: true });
      expect(await model.invoke(HI)).toEqual(ANY_PERSON);
    },

    async toolLoop() {
      const weather = new DynamicStructuredTool({
        name: 'get_weather',
        description: 'The weather of a city.',
        schema: WEATHER_PARAMETERS,
        func: (input) => Promise.resolve(`${(input as { city: string }).city}: ${WEATHER_REPORT}`),
      });
      const model = chat('sandbox/chat').bindTools([weather]);
      const question = new HumanMessage('What is the weather in Paris?');
      const asked = await model.invoke([question]);
      const call = asked.tool_calls?.[0];
      expect(call).toMatchObject({ name: 'get_weather', args: { city: 'Paris' } });

      const result: unknown = await weather.invoke({ ...call!, type: 'tool_call' });
      expect(result).toBeInstanceOf(ToolMessage);
      const answer = await model.invoke([question, asked, result as ToolMessage]);
      expect(answer.text).toContain(`Paris: ${WEATHER_REPORT}`);
    },

    async toolAnswer() {
      context.harness.upstream.on('upstream-model', json(chatAnswer({ toolCalls: TWO_CALLS })));
      const answer = await chat(FAKE).bindTools([WEATHER_TOOL]).invoke(HI);
      expect(answer.tool_calls).toEqual(TOOL_CALLS);
      expect(answer.text).toBe('');
    },

    async toolStream() {
      context.harness.upstream.on('upstream-model', sse(chatChunks([], { toolCalls: TWO_CALLS })));
      const whole = joined(await collect(await chat(FAKE).bindTools([WEATHER_TOOL]).stream(HI)));
      expect(whole.tool_calls).toEqual(TOOL_CALLS);
    },

    async completions() {
      const model = new OpenAI({
        ...fields(),
        model: 'sandbox/chat',
        maxTokens: 12,
        modelKwargs: { seed: 7 },
      });
      const whole = await model.invoke('Once upon a time');
      expect(whole).toMatch(/\w/);
      expect((await collect(await model.stream('Once upon a time'))).join('')).toBe(whole);
    },

    async reasoning() {
      const model = chat('sandbox/reasoner', { modelKwargs: { seed: 7 } });
      const whole = await model.invoke(HI);
      expect(whole.additional_kwargs['reasoning_content']).toMatch(/\w/);
      expect(whole.text).toMatch(/\w/);
      const streamed = joined(await collect(await model.stream(HI)));
      expect(streamed.additional_kwargs['reasoning_content']).toBe(
        whole.additional_kwargs['reasoning_content'],
      );
      expect(streamed.text).toBe(whole.text);
    },

    async bytes() {
      context.harness.upstream.on('upstream-model', sse(chatChunks(MANY_BYTES), { writeBytes: 1 }));
      expect(joined(await collect(await chat(FAKE).stream(HI))).text).toBe(MANY_BYTES.join(''));
    },

    async heartbeat() {
      context.harness.upstream.on(
        'upstream-model',
        sse(chatChunks(['slow', ' but', ' sure']), { delayMs: 80 }),
      );
      expect(joined(await collect(await chat(FAKE).stream(HI))).text).toBe('slow but sure');
      expect(context.harness.inbound[0]?.comments()).toBeGreaterThan(0);
    },

    async badKey() {
      await expect(
        chat('sandbox/chat', { apiKey: 'sk-wrong-key-of-a-test' }).invoke(HI),
      ).rejects.toMatchObject({
        status: 401,
        code: 'invalid_api_key',
        message: expect.stringContaining('401 Incorrect API key provided'),
      });
      expect(context.statuses).toEqual([401]);
    },

    async badBody() {
      // A 422 would be tried six times more: this client repeats whatever is not in its list.
      const model = chat('sandbox/chat', { temperature: 3, maxRetries: 0 });
      await expect(model.invoke(HI)).rejects.toMatchObject({
        status: surface.invalid,
        param: 'temperature',
        message: expect.stringMatching(/less than or equal to 2|<= 2/),
      });
    },

    async noModel() {
      await expect(chat('no/such-model').invoke(HI)).rejects.toMatchObject({
        status: 404,
        code: 'model_not_found',
      });
      expect(context.statuses).toEqual([404]);
    },

    async rateLimit() {
      const apiKey = await context.harness.exhaustedKey();
      expect((await chat('sandbox/echo', { apiKey }).invoke(HI)).text).toBe(HI);
      expect(context.statuses).toEqual([429, 200]);
    },

    async upstreamFailed() {
      context.harness.upstream.on('upstream-model', failure(500));
      await expect(chat(FAKE, { maxRetries: 0 }).invoke(HI)).rejects.toMatchObject({
        status: surface.upstreamFailed.status,
        message: expect.stringContaining('provider failed'),
      });
      expect(context.statuses).toEqual([surface.upstreamFailed.status]);
    },

    async failsEarly() {
      context.harness.upstream.on('upstream-model', sse([{ error: { message: 'no' } }], { done: false }));
      await expect(chat(FAKE, { maxRetries: 0 }).stream(HI)).rejects.toMatchObject({
        status: surface.upstreamFailed.status,
      });
    },

    async failsMidway() {
      const broken = chatChunks(['Two', ' tokens'], { finishReason: null, usage: null });
      context.harness.upstream.on('upstream-model', sse(broken, { done: false, ending: 'reset' }));
      const seen: string[] = [];
      const read = async () => {
        for await (const chunk of await chat(FAKE).stream(HI)) seen.push(chunk.text);
      };
      await expect(read()).rejects.toMatchObject({ code: 'upstream_error' });
      expect(seen.join('')).toBe('Two tokens');
      expect(context.harness.inbound).toHaveLength(1);
    },

    async lengthCut() {
      const schema = { title: 'person', ...PERSON_SCHEMA };
      const model = chat('sandbox/chat', { maxTokens: 3, maxRetries: 0 }).withStructuredOutput(schema, {
        method: 'jsonSchema',
        strict: true,
      });
      await expect(model.invoke(HI)).rejects.toThrow(/length limit|LengthFinishReason|parse/i);
    },

    // On W the reason is "stop", and this client does not read the refusal beside it.
    ...(surface.name !== 'W' && {
      async filtered() {
        const { response_metadata } = await chat('sandbox/refusal').invoke(HI);
        expect(response_metadata['finish_reason']).toBe('content_filter');
      },
    }),
  };
}

function joined(chunks: AIMessageChunk[]): AIMessageChunk {
  return chunks.reduce((sum, chunk) => sum.concat(chunk));
}

function expectTokens(usage: UsageMetadata | undefined): void {
  expect(usage?.input_tokens).toBeGreaterThan(0);
  expect(usage?.output_tokens).toBeGreaterThan(0);
}
