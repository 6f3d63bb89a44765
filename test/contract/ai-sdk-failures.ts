import { expect } from '@jest/globals';
import { APICallError, generateText, jsonSchema, type LanguageModel, Output, streamText } from 'ai';
import { failure, sse, stall } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import type { AiSdkModels, AiSdkProvider } from './ai-sdk-client.js';
import type { ClientContext, Proofs } from './describe-client.js';
import { FAKE, IMPATIENT } from './harness.js';
import { HELLO, PERSON_SCHEMA } from './samples.js';

/** What any provider package must make of what goes wrong. */
export function aiSdkFailures(models: AiSdkModels, provider: AiSdkProvider, context: ClientContext): Proofs {
  const { chat } = models;
  const { surface } = context;
  return {
    async badKey() {
      const error = await callErrorOf(
        generateText({ model: chat('sandbox/chat', 'sk-wrong-key-of-a-test'), messages: HELLO }),
      );
      expect(error.statusCode).toBe(401);
      expect(error.message).toMatch(/^Incorrect API key provided/);
      expect(error.data).toMatchObject({ error: { code: 'invalid_api_key' } });
      expect(error.responseHeaders?.['x-request-id']).toBe(context.harness.inbound[0]?.requestId());
      expect(context.statuses).toEqual([401]);
    },

    async badBody() {
      const error = await callErrorOf(
        generateText({ model: chat('sandbox/chat'), messages: HELLO, temperature: 3 }),
      );
      expect(error.statusCode).toBe(surface.invalid);
      expect(error.message).toMatch(/less than or equal to 2|<= 2/);
      expect(error.data).toMatchObject({ error: { param: 'temperature' } });
      expect(context.statuses).toEqual([surface.invalid]);
    },

    async noModel() {
      const error = await callErrorOf(generateText({ model: chat('no/such-model'), messages: HELLO }));
      expect(error.statusCode).toBe(404);
      expect(error.message).toContain('no/such-model');
    },

    async rateLimit() {
      const model = chat('sandbox/echo', await context.harness.exhaustedKey());
      expect((await generateText({ model, messages: HELLO })).text).toBe('Hello, who are you?');
      expect(context.statuses).toEqual([429, 200]);
      const [refused, served] = context.harness.inbound;
      expect(served!.arrivedAtMs - refused!.endedAtMs).toBeGreaterThan(90);
    },

    async upstreamFailed() {
      context.harness.upstream.on('upstream-model', failure(500));
      // A 502 would be tried twice more, with 6 seconds of waiting in between.
      const patience = surface.upstreamFailed.status === 502 ? { maxRetries: 0 } : {};
      const error = await callErrorOf(generateText({ model: chat(FAKE), messages: HELLO, ...patience }));
      expect(error.statusCode).toBe(surface.upstreamFailed.status);
      expect(error.message).toMatch(/provider failed/);
      expect(context.statuses).toEqual([surface.upstreamFailed.status]);
    },

    async failsEarly() {
      context.harness.upstream.on('upstream-model', sse([{ error: { message: 'no' } }], { done: false }));
      const [error] = await streamErrors(chat(FAKE));
      expect(APICallError.isInstance(error) && error.statusCode).toBe(surface.upstreamFailed.status);
    },

    async failsMidway() {
      const broken = chatChunks(['Two', ' tokens'], { finishReason: null, usage: null });
      context.harness.upstream.on('upstream-model', sse(broken, { done: false, ending: 'reset' }));
      const errors = await streamErrors(chat(FAKE));
      expect(errors).toEqual([expect.objectContaining({ code: 'upstream_error' })]);
      expect(context.harness.inbound).toHaveLength(1);
    },

    async lengthCut() {
      const output = Output.object({ schema: jsonSchema(PERSON_SCHEMA) });
      const request = { model: chat('sandbox/chat'), messages: HELLO, output, maxOutputTokens: 3 };
      await expect(async () => (await generateText(request)).output).rejects.toMatchObject({
        name: 'AI_NoObjectGeneratedError',
        finishReason: 'length',
      });
    },

    // A 504 is repeated: this SDK does not read x-should-retry.
    ...(surface.upstreamTimedOut.status === 499 && {
      async upstreamSilent() {
        context.harness.upstream.on('upstream-model', stall());
        const error = await callErrorOf(generateText({ model: chat(IMPATIENT), messages: HELLO }));
        expect(error.statusCode).toBe(499);
        expect(context.statuses).toEqual([499]);
      },
    }),

    // On W the reason is "stop", as its enum has no other; there the refusal text is the only sign.
    ...((surface.name !== 'W' || provider.readsRefusals) && {
      async filtered() {
        const { finishReason } = await generateText({ model: chat('sandbox/refusal'), messages: HELLO });
        expect(finishReason).toBe('content-filter');
      },
    }),
  };
}

async function callErrorOf(promise: Promise<unknown>): Promise<APICallError> {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (APICallError.isInstance(error)) return error;
  throw error;
}

/** Error parts of a stream that is read to its end. */
async function streamErrors(model: LanguageModel): Promise<unknown[]> {
  const errors: unknown[] = [];
  const { fullStream } = streamText({ model, messages: HELLO, maxRetries: 0, onError: () => undefined });
  for await (const part of fullStream) if (part.type === 'error') errors.push(part.error);
  return errors;
}
