import type OpenAI from 'openai';
import type { Asked, ChatbotClient, Connection } from './chatbot-client.js';
import { collect } from './collect.js';
import { type ApiError, helpersOf, type OpenAIClass } from './openai-node-client.js';
import { WEATHER_REPORT, WEATHER_TOOL } from './samples.js';

/** Any major of openai-node, with `conversation_id` among the parameters. */
export function openAiNode(packages: string, Client: OpenAIClass): ChatbotClient {
  const connect = ({ baseUrl, apiKey }: Connection) => new Client({ baseURL: baseUrl, apiKey });
  return {
    packages,
    ways: {
      async create(to, asked) {
        const { data, response } = await connect(to).chat.completions.create(paramsOf(asked)).withResponse();
        return {
          text: data.choices[0]?.message.content ?? '',
          conversationId: conversationOf(data),
          header: response.headers.get('x-conversation-id'),
        };
      },
      async 'create with stream'(to, asked) {
        const params = { ...paramsOf(asked), stream: true as const };
        const { data, response } = await connect(to).chat.completions.create(params).withResponse();
        const chunks = await collect(data);
        return {
          text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''),
          conversationId: conversationOf(chunks.at(-1)),
          header: response.headers.get('x-conversation-id'),
        };
      },
      async 'its stream helper'(to, asked) {
        const params = { ...paramsOf(asked), stream_options: { include_usage: true } };
        const stream = helpersOf(connect(to)).stream(params);
        let last: unknown;
        stream.on('chunk', (chunk) => {
          last = chunk;
        });
        return { text: (await stream.finalContent()) ?? '', conversationId: conversationOf(last) };
      },
    },
    async runTool(to, asked) {
      const runner = helpersOf(connect(to)).runTools({
        ...paramsOf(asked),
        tools: [
          {
            type: 'function',
            function: {
              ...WEATHER_TOOL.function,
              parse: (text: string) => JSON.parse(text) as unknown,
              function: () => WEATHER_REPORT,
            },
          },
        ],
      });
      return (await runner.finalContent()) ?? '';
    },
    async sendResult(to, asked) {
      const params = { ...paramsOf(asked), tools: [WEATHER_TOOL] };
      const calling = await connect(to).chat.completions.create(params);
      const results = (calling.choices[0]?.message.tool_calls ?? []).map(({ id }) => ({
        role: 'tool' as const,
        tool_call_id: id,
        content: WEATHER_REPORT,
      }));
      const answer = await connect(to).chat.completions.create({ ...params, messages: results });
      return answer.choices[0]?.message.content ?? '';
    },
    refused(error) {
      const { status, code, message, constructor } = error as ApiError;
      return { status, code, message, name: constructor.name };
    },
    errors: { 403: 'PermissionDeniedError', 404: 'NotFoundError', 409: 'ConflictError', 499: 'APIError' },
    repeatsConflicts: true,
  };
}

/** The parameters as users write them; no type of the library's knows the conversation. */
function paramsOf({ model, conversationId, messages, settings }: Asked) {
  return {
    model,
    messages: [...messages] as OpenAI.ChatCompletionMessageParam[],
    ...settings,
    ...(conversationId === undefined ? {} : { conversation_id: conversationId }),
  };
}

function conversationOf(answer: unknown): string | undefined {
  return (answer as { conversation_id?: string }).conversation_id;
}
