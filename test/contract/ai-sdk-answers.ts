import { expect } from '@jest/globals';
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool, type ToolSet } from 'ai';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import type { AiSdkModels, AiSdkProvider } from './ai-sdk-client.js';
import type { ClientContext, Proofs } from './describe-client.js';
import { FAKE } from './harness.js';
import {
  ANY_PERSON,
  HELLO,
  MANY_BYTES,
  PERSON_SCHEMA,
  TWO_CALLS,
  WEATHER_PARAMETERS,
  WEATHER_QUESTION,
  WEATHER_REPORT,
} from './samples.js';

const TOOLS: ToolSet = { get_weather: { inputSchema: jsonSchema(WEATHER_PARAMETERS) } };
const TOOL_CALLS = TWO_CALLS.map((call) =>
  expect.objectContaining({
    toolCallId: call.id,
    toolName: call.name,
    input: JSON.parse(call.arguments) as unknown,
  }),
);

/** What any provider package must get when all goes well. */
export function aiSdkAnswers(models: AiSdkModels, provider: AiSdkProvider, context: ClientContext): Proofs {
  const { chat } = models;
  const asksForUsage = provider.chatWithUsage === undefined;
  return {
    async create() {
      const { text, finishReason, usage } = await generateText({
        model: chat('sandbox/chat'),
        messages: HELLO,
      });
      expect(text).toMatch(/\w/);
      expect(finishReason).toBe('stop');
      expectTokens(usage);
    },

    async stream() {
      const request = { model: chat('sandbox/chat'), messages: HELLO, seed: 7 };
      const pieces: string[] = [];
      for await (const piece of streamText(request).textStream) pieces.push(piece);
      expect(pieces.length).toBeGreaterThan(2);
      expect(pieces.join('')).toBe((await generateText(request)).text);
    },

    async streamHelper() {
      const { text, finishReason, usage } = streamText({ model: chat('sandbox/chat'), messages: HELLO });
      expect(await text).toMatch(/\w/);
      expect(await finishReason).toBe('stop');
      // Without being asked, only Q tells usage: in its trailer.
      expect((await usage).totalTokens !== undefined).toBe(context.surface.name === 'Q' || asksForUsage);
    },

    async structured() {
      const output = Output.object({ schema: jsonSchema(PERSON_SCHEMA) });
      const request = { model: chat('sandbox/chat'), messages: HELLO, output };
      expect((await generateText(request)).output).toEqual(ANY_PERSON);
      expect(await streamText(request).output).toEqual(ANY_PERSON);
    },

    async toolLoop() {
      const asked: unknown[] = [];
      const { text, steps } = await generateText({
        model: chat('sandbox/chat'),
        messages: WEATHER_QUESTION,
        stopWhen: stepCountIs(3),
        tools: {
          get_weather: tool({
            description: 'The weather of a city.',
            inputSchema: jsonSchema(WEATHER_PARAMETERS),
            execute: (input: unknown) => {
              asked.push(input);
              return WEATHER_REPORT;
            },
          }),
        },
      });
      expect(text).toContain(WEATHER_REPORT);
      expect(asked).toEqual([{ city: 'Paris' }]);
      expect(steps.map((step) => step.finishReason)).toEqual(['tool-calls', 'stop']);
    },

    async toolAnswer() {
      context.harness.upstream.on('upstream-model', json(chatAnswer({ toolCalls: TWO_CALLS })));
      const answer = await generateText({ model: chat(FAKE), messages: WEATHER_QUESTION, tools: TOOLS });
      expect(answer.toolCalls).toEqual(TOOL_CALLS);
      expect(answer.text).toBe('');
      expect(answer.finishReason).toBe('tool-calls');
    },

    async toolStream() {
      context.harness.upstream.on('upstream-model', sse(chatChunks([], { toolCalls: TWO_CALLS })));
      const stream = streamText({ model: chat(FAKE), messages: WEATHER_QUESTION, tools: TOOLS });
      expect(await stream.toolCalls).toEqual(TOOL_CALLS);
      expect(await stream.finishReason).toBe('tool-calls');
    },

    async bytes() {
      context.harness.upstream.on('upstream-model', sse(chatChunks(MANY_BYTES), { writeBytes: 1 }));
      expect(await streamText({ model: chat(FAKE), messages: HELLO }).text).toBe(MANY_BYTES.join(''));
    },

    async heartbeat() {
      context.harness.upstream.on(
        'upstream-model',
        sse(chatChunks(['slow', ' but', ' sure']), { delayMs: 80 }),
      );
      expect(await streamText({ model: chat(FAKE), messages: HELLO }).text).toBe('slow but sure');
      expect(context.harness.inbound[0]?.comments()).toBeGreaterThan(0);
    },

    async usageAsked() {
      const model = models.chatWithUsage('sandbox/chat');
      const { text, usage } = streamText({ model, messages: HELLO });
      expect(await text).toMatch(/\w/);
      expectTokens(await usage);
    },

    async completions() {
      const model = models.completion('sandbox/chat');
      const whole = await generateText({ model, prompt: 'Once upon a time', seed: 7 });
      expect(whole.text).toMatch(/\w/);
      expectTokens(whole.usage);
      expect(await streamText({ model, prompt: 'Once upon a time', seed: 7 }).text).toBe(whole.text);
    },

    ...(provider.readsReasoning && {
      async reasoning() {
        const request = { model: chat('sandbox/reasoner'), messages: HELLO, seed: 7 };
        const whole = await generateText(request);
        expect(whole.reasoningText).toMatch(/\w/);
        expect(whole.text).toMatch(/\w/);
        const streamed = streamText(request);
        expect(await streamed.reasoningText).toBe(whole.reasoningText);
        expect(await streamed.text).toBe(whole.text);
      },
    }),
  };
}

function expectTokens(usage: { inputTokens: number | undefined; outputTokens: number | undefined }): void {
  expect(usage.inputTokens).toBeGreaterThan(0);
  expect(usage.outputTokens).toBeGreaterThan(0);
}
