import { AIMessage, HumanMessage, type ToolMessage } from '@langchain/core/messages';
import { DynamicStructuredTool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import type { Asked, ChatbotClient, Connection } from './chatbot-client.js';
import { collect } from './collect.js';
import type { ApiError } from './openai-node-client.js';
import { WEATHER_PARAMETERS, WEATHER_REPORT } from './samples.js';

/** LangChain's `ChatOpenAI`, with `conversation_id` among `modelKwargs`. */
export function langChain(packages: string): ChatbotClient {
  return {
    packages,
    ways: {
      async invoke(to, asked) {
        const answer = await chat(to, asked).invoke(messagesOf(asked));
        const raw = answer.additional_kwargs['__raw_response'] as { conversation_id?: string } | undefined;
        return { text: answer.text, conversationId: raw?.conversation_id };
      },
      async stream(to, asked) {
        const chunks = await collect(await chat(to, asked).stream(messagesOf(asked)));
        return { text: chunks.map((chunk) => chunk.text).join('') };
      },
    },
    async runTool(to, asked) {
      const weather = new DynamicStructuredTool({
        name: 'get_weather',
        description: 'The weather of a city.',
        schema: WEATHER_PARAMETERS,
        func: () => Promise.resolve(WEATHER_REPORT),
      });
      const model = chat(to, asked).bindTools([weather]);
      const calling = await model.invoke(messagesOf(asked));
      const results: ToolMessage[] = [];
      for (const call of calling.tool_calls ?? []) {
        const result: unknown = await weather.invoke({ ...call, type: 'tool_call' });
        results.push(result as ToolMessage);
      }
      return (await model.invoke([...messagesOf(asked), calling, ...results])).text;
    },
    refused(error) {
      const { status, code, message, constructor } = error as ApiError;
      return { status, code, message, name: constructor.name };
    },
    errors: { 403: 'PermissionDeniedError', 404: 'NotFoundError', 409: 'ConflictError', 499: 'APIError' },
    repeatsConflicts: false,
  };
}

function chat({ baseUrl, apiKey }: Connection, { model, conversationId, settings }: Asked): ChatOpenAI {
  return new ChatOpenAI({
    apiKey,
    configuration: { baseURL: baseUrl },
    model,
    // It would repeat a 499: docs/conformance.md.
    maxRetries: 0,
    ...settings,
    ...(conversationId === undefined ? {} : { modelKwargs: { conversation_id: conversationId } }),
    __includeRawResponse: true,
  });
}

function messagesOf({ messages }: Asked): (HumanMessage | AIMessage)[] {
  return messages.map(({ role, content }) =>
    role === 'user' ? new HumanMessage(content) : new AIMessage(content),
  );
}
