import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { type APICallError, generateText, jsonSchema, RetryError, stepCountIs, streamText, tool } from 'ai';
import type { Asked, ChatbotClient, Connection } from './chatbot-client.js';
import { WEATHER_PARAMETERS, WEATHER_REPORT } from './samples.js';

const PROVIDER = 'tollgate';
const CALL_ERROR = 'AI_APICallError';

/** `@ai-sdk/openai-compatible`, with `conversation_id` among the provider's options. */
export function aiSdk(packages: string): ChatbotClient {
  return {
    packages,
    ways: {
      async generateText(to, asked) {
        const { text, response } = await generateText(callOf(to, asked));
        return { text, header: response.headers?.['x-conversation-id'] };
      },
      async streamText(to, asked) {
        const stream = streamText({ ...callOf(to, asked), onError: () => undefined });
        const text = await stream.text;
        return { text, header: (await stream.response).headers?.['x-conversation-id'] };
      },
    },
    async runTool(to, asked) {
      const { text } = await generateText({
        ...callOf(to, asked),
        stopWhen: stepCountIs(3),
        tools: {
          get_weather: tool({ inputSchema: jsonSchema(WEATHER_PARAMETERS), execute: () => WEATHER_REPORT }),
        },
      });
      return text;
    },
    refused(error) {
      const last = RetryError.isInstance(error) ? error.lastError : error;
      const { statusCode, message, name } = last as APICallError;
      return { status: statusCode, message, name };
    },
    errors: { 403: CALL_ERROR, 404: CALL_ERROR, 409: CALL_ERROR, 499: CALL_ERROR },
    repeatsConflicts: true,
  };
}

function callOf({ baseUrl, apiKey }: Connection, { model, conversationId, messages, settings }: Asked) {
  return {
    model: createOpenAICompatible({ name: PROVIDER, baseURL: baseUrl, apiKey }).chatModel(model),
    messages: [...messages],
    ...settings,
    ...(conversationId === undefined
      ? {}
      : { providerOptions: { [PROVIDER]: { conversation_id: conversationId } } }),
  };
}
