import { expect } from '@jest/globals';
import type OpenAI from 'openai';
import { failure, sse, stall } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import type { ClientContext, Proofs } from './describe-client.js';
import { FAKE, IMPATIENT } from './harness.js';
import { type Connect, failureOf, helpersOf, type OpenAIClass, requestIdOf } from './openai-node-client.js';
import { HELLO, PERSON_FORMAT } from './samples.js';

/** What any major of openai-node must make of what goes wrong. */
export function openAiNodeFailures(Client: OpenAIClass, connect: Connect, context: ClientContext): Proofs {
  const { surface } = context;
  return {
    async badKey() {
      const error = await failureOf(ask(connect({ apiKey: 'sk-wrong-key-of-a-test' }), 'sandbox/chat'));
      expect(error).toBeInstanceOf(Client.AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'invalid_request_error' });
      expect(error.message).toMatch(/^401 Incorrect API key provided/);
      expect(error.message).not.toContain('wrong-key');
      expect(requestIdOf(error)).toBe(context.harness.inbound[0]?.requestId());
      expect(context.statuses).toEqual([401]);
    },

    async badBody() {
      const error = await failureOf(
        connect().chat.completions.create({ model: 'sandbox/chat', messages: HELLO, temperature: 3 }),
      );
      expect(error).toBeInstanceOf(
        surface.invalid === 422 ? Client.UnprocessableEntityError : Client.BadRequestError,
      );
      expect(error).toMatchObject({ status: surface.invalid, param: 'temperature' });
      expect(error.message).toMatch(/less than or equal to 2|<= 2/);
      expect(context.statuses).toEqual([surface.invalid]);
    },

    async noModel() {
      const error = await failureOf(ask(connect(), 'no/such-model'));
      expect(error).toBeInstanceOf(Client.NotFoundError);
      expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
      expect(error.message).toContain('no/such-model');
    },

    async rateLimit() {
      const apiKey = await context.harness.exhaustedKey();
      const completion = await ask(connect({ apiKey }), 'sandbox/echo');
      expect(completion.choices[0]?.message.content).toBe('Hello, who are you?');
      expect(context.statuses).toEqual([429, 200]);
      const [refused, served] = context.harness.inbound;
      expect(served!.arrivedAtMs - refused!.endedAtMs).toBeGreaterThan(90);
    },

    async upstreamFailed() {
      context.harness.upstream.on('upstream-model', failure(500));
      // Two more tries of a 502 are the SDK's habit with every 5xx; one proves it as well.
      const error = await failureOf(ask(connect({ maxRetries: 1 }), FAKE));
      expect(error).toBeInstanceOf(Client.APIError);
      expect(error.status).toBe(surface.upstreamFailed.status);
      expect(error.code).toBe(surface.upstreamFailed.status === 499 ? 'inference_error' : 'upstream_error');
      expect(error.message).not.toMatch(/no body|must not see/);
      expect(context.statuses).toEqual(surface.upstreamFailed.status === 499 ? [499] : [502, 502]);
    },

    async upstreamSilent() {
      context.harness.upstream.on('upstream-model', stall());
      const whole = await failureOf(ask(connect(), IMPATIENT));
      expect(whole.status).toBe(surface.upstreamTimedOut.status);
      const streamed = await failureOf(
        connect().chat.completions.create({ model: IMPATIENT, messages: HELLO, stream: true }),
      );
      expect(streamed.status).toBe(surface.upstreamTimedOut.status);
      expect(context.statuses).toEqual([surface.upstreamTimedOut.status, surface.upstreamTimedOut.status]);
    },

    async bug() {
      context.harness.breakGateway();
      const error = await failureOf(ask(connect(), 'sandbox/echo'));
      expect(error).toBeInstanceOf(Client.InternalServerError);
      expect(error).toMatchObject({ status: 500, type: 'server_error', code: null });
      expect(error.message).toMatch(/^500 The server had an error/);
      expect(context.statuses).toEqual([500, 500, 500]);
    },

    async failsEarly() {
      context.harness.upstream.on('upstream-model', sse([{ error: { message: 'no' } }], { done: false }));
      const error = await failureOf(
        connect({ maxRetries: 0 }).chat.completions.create({ model: FAKE, messages: HELLO, stream: true }),
      );
      expect(error.status).toBe(surface.upstreamFailed.status);
    },

    async failsMidway() {
      const broken = chatChunks(['Two', ' tokens'], { finishReason: null, usage: null });
      context.harness.upstream.on('upstream-model', sse(broken, { done: false, ending: 'reset' }));
      const seen: string[] = [];
      const read = async () => {
        const stream = await connect().chat.completions.create({
          model: FAKE,
          messages: HELLO,
          stream: true,
        });
        for await (const chunk of stream) seen.push(chunk.choices[0]?.delta.content ?? '');
      };
      const error = await failureOf(read());
      expect(error).toBeInstanceOf(Client.APIError);
      expect(error.code).toBe('upstream_error');
      expect(seen.join('')).toBe('Two tokens');

      const helper = helpersOf(connect()).stream({ model: FAKE, messages: HELLO });
      expect(await failureOf(helper.finalChatCompletion())).toBeInstanceOf(Client.APIError);
      expect(context.harness.inbound).toHaveLength(2);
    },

    async lengthCut() {
      const request = {
        model: 'sandbox/chat',
        messages: HELLO,
        response_format: PERSON_FORMAT,
        max_tokens: 3,
      };
      const error = await failureOf(helpersOf(connect()).parse(request));
      expect(error.constructor.name).toBe('LengthFinishReasonError');
    },

    // W's enum has no content_filter: the reason is "stop", and the refusal text tells.
    ...(surface.name === 'W'
      ? {
          async filtered() {
            const { choices } = await ask(connect(), 'sandbox/refusal');
            expect(choices[0]?.finish_reason).toBe('stop');
            expect(choices[0]?.message.refusal).toMatch(/\w/);
          },
        }
      : {
          async filtered() {
            const request = { model: 'sandbox/refusal', messages: HELLO, response_format: PERSON_FORMAT };
            const error = await failureOf(helpersOf(connect()).parse(request));
            expect(error.constructor.name).toBe('ContentFilterFinishReasonError');
          },
        }),
  };
}

function ask(client: OpenAI, model: string): Promise<OpenAI.ChatCompletion> {
  return client.chat.completions.create({ model, messages: HELLO });
}
