import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, jsonSchema, tool } from 'ai';
import OpenAI from 'openai';
import { ChatCompletionDto } from '../../src/contracts/openai/chat-completion.dto.js';
import type { AssistantMessage, ChatMessage, ToolCall } from '../../src/contracts/openai/chat-completion.js';
import { validateRequest } from '../../src/contracts/validation/validate-request.js';
import { chainAfter, EMPTY_CHAIN } from '../../src/conversations/chain.js';
import { renderChatCompletion } from '../../src/surfaces/chat-answer.js';
import { WATERFLAI } from '../../src/surfaces/surface.js';
import { json } from '../support/fake-upstream-replies.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { WEATHER_PARAMETERS, WEATHER_TOOL } from './samples.js';

const QUESTION = 'Weather in Paris, please.';
const call = (id: string, args: string): ToolCall => ({
  id,
  type: 'function',
  function: { name: 'get_weather', arguments: args },
});

/** What was stored of each turn, in the words of a model that writes JSON with spaces. */
const CALLING: AssistantMessage = {
  role: 'assistant',
  content: null,
  refusal: null,
  tool_calls: [call('call_a', '{"city": "Paris", "days": 2.0}'), call('call_b', '{ "city": "\\u0050aris" }')],
};
const ANSWERING: AssistantMessage = {
  role: 'assistant',
  content: 'Rain — 14 °C.\n',
  refusal: null,
  reasoning_content: 'They asked about Paris.',
  annotations: [],
};
const HISTORY: ChatMessage[] = [
  { role: 'user', content: QUESTION },
  CALLING as ChatMessage,
  { role: 'tool', tool_call_id: 'call_a', content: 'rain' },
  { role: 'tool', tool_call_id: 'call_b', content: 'rain' },
  ANSWERING as ChatMessage,
];

function given(message: AssistantMessage): unknown {
  const calls = message.tool_calls !== undefined;
  return renderChatCompletion(
    { id: 'chatcmpl-1', created: 1, model: 'm', conversationId: 'c' },
    {
      choices: [{ index: 0, message, finish_reason: calls ? 'tool_calls' : 'stop', logprobs: null }],
    },
    { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    WATERFLAI,
  );
}

const chainOf = (messages: readonly ChatMessage[]): string => chainAfter(EMPTY_CHAIN, messages);

/** Each asks, answers the calls, and goes on with the whole history, by its library's own means. */
const CLIENTS: Record<string, (baseURL: string) => Promise<void>> = {
  async 'openai-node'(baseURL) {
    const client = new OpenAI({ apiKey: 'k', baseURL });
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: QUESTION }];
    const ask = async () => {
      const completion = await client.chat.completions.create({
        model: 'm',
        messages,
        tools: [WEATHER_TOOL],
      });
      const { message } = completion.choices[0]!;
      messages.push(message);
      return message;
    };
    for (const { id } of (await ask()).tool_calls!) {
      messages.push({ role: 'tool', tool_call_id: id, content: 'rain' });
    }
    await ask();
    messages.push({ role: 'user', content: 'Thanks.' });
    await ask();
  },

  async '@langchain/openai'(baseURL) {
    const model = new ChatOpenAI({ apiKey: 'k', configuration: { baseURL }, model: 'm' }).bindTools([
      WEATHER_TOOL,
    ]);
    const asked = new HumanMessage(QUESTION);
    const calling = await model.invoke([asked]);
    const results = calling.tool_calls!.map(
      ({ id }) => new ToolMessage({ tool_call_id: id!, content: 'rain' }),
    );
    const answer = await model.invoke([asked, calling, ...results]);
    await model.invoke([asked, calling, ...results, answer, new HumanMessage('Thanks.')]);
  },

  '@ai-sdk/openai': (baseURL) => aiSdk(createOpenAI({ apiKey: 'k', baseURL }).chat('m')),

  '@ai-sdk/openai-compatible': (baseURL) =>
    aiSdk(createOpenAICompatible({ apiKey: 'k', baseURL, name: 'tollgate' }).chatModel('m')),
};

async function aiSdk(model: Parameters<typeof generateText>[0]['model']): Promise<void> {
  const weather = tool({
    inputSchema: jsonSchema<{ city: string }>(WEATHER_PARAMETERS),
    execute: () => 'rain',
  });
  const asked = [{ role: 'user' as const, content: QUESTION }];
  const tools = { get_weather: weather };
  const calling = await generateText({ model, messages: asked, tools });
  const called = [...asked, ...calling.response.messages];
  const answer = await generateText({ model, messages: called, tools });
  const answered = [...called, ...answer.response.messages];
  await generateText({ model, messages: [...answered, { role: 'user', content: 'Thanks.' }], tools });
}

describe('a history that is sent again', () => {
  let server: FakeUpstream;
  beforeAll(async () => {
    server = await FakeUpstream.start();
  });
  afterAll(() => server.close());

  it.each(Object.keys(CLIENTS))('by %s is the one that is stored', async (name) => {
    server.enqueue(json(given(CALLING)), json(given(ANSWERING)), json(given(ANSWERING)));
    const before = server.requests.length;
    await CLIENTS[name]!(server.baseUrl);
    const chains = server.requests.slice(before).map(({ body }) => {
      const { messages } = validateRequest(ChatCompletionDto, body, { surface: WATERFLAI });
      return chainOf(messages.slice(0, -1).filter(({ role }) => role !== 'system'));
    });
    expect(chains).toEqual([EMPTY_CHAIN, chainOf(HISTORY.slice(0, 3)), chainOf(HISTORY)]);
  });
});
