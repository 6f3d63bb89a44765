import { describe, expect, it } from '@jest/globals';
import type {
  ChatChoice,
  ChatCompletionRequest,
  ChatMessage,
  Tool,
} from '../../../contracts/openai/chat-completion.js';
import { getBehaviour } from './behaviour.js';
import { toChatAnswer } from './chat-answer.js';
import { planChat } from './chat-plan.js';
import { Turns } from './turns.js';

type Request = Partial<ChatCompletionRequest>;

function user(content: NonNullable<ChatMessage['content']>): ChatMessage {
  return { role: 'user', content };
}

async function complete(request: Request): Promise<{ choice: ChatChoice }> {
  const turns = new Turns(new AbortController().signal);
  const whole = { model: 'chat', messages: [user('hi')], ...request };
  const { choices } = await toChatAnswer(await planChat(whole, getBehaviour(whole.model), turns), turns);
  return { choice: choices[0] as ChatChoice };
}

const weather: Tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Tells the weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, unit: { enum: ['C', 'F'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
};
const time: Tool = {
  type: 'function',
  function: { name: 'get_time', description: 'Tells the time of a city' },
};
const note: Tool = { type: 'custom', custom: { name: 'note', description: 'Writes something down' } };

function namesCalled({ message }: ChatChoice): string[] {
  return (message.tool_calls ?? []).map((call) =>
    call.type === 'custom' ? call.custom.name : call.function.name,
  );
}

function about(text: string): Request {
  return { messages: [user(text)], tools: [weather, time, note] };
}

describe('draftToolCalls', () => {
  it('case 66: none never calls', async () => {
    const { choice } = await complete({ ...about('call get_weather'), tool_choice: 'none' });
    expect(choice.finish_reason).toBe('stop');
    expect(choice.message).not.toHaveProperty('tool_calls');
  });

  it.each([
    ['call get_weather now', ['get_weather']],
    ["What's the weather in Paris?", ['get_weather']],
    ['What time is it?', ['get_time']],
    ['Weather and time, please', ['get_weather', 'get_time']],
    ['Please write it down', ['note']],
    ['hello there', []],
    ['', []],
  ])('case 66: auto calls what "%s" is about', async (text, names) => {
    const { choice } = await complete(about(text));
    expect(namesCalled(choice)).toEqual(names);
    expect(choice.finish_reason).toBe(names.length > 0 ? 'tool_calls' : 'stop');
    expect(choice.message.content === null).toBe(names.length > 0);
  });

  it('fills arguments by the schema, with words of the user', async () => {
    const { choice } = await complete(about('How is the weather in New York today?'));
    const call = choice.message.tool_calls?.[0];
    expect(call).toMatchObject({ id: expect.stringMatching(/^call_[A-Za-z0-9]{24}$/), type: 'function' });
    const args = JSON.parse(call?.type === 'function' ? call.function.arguments : '') as Record<
      string,
      unknown
    >;
    expect(args).toEqual({ city: 'New York', unit: expect.stringMatching(/^[CF]$/) });
  });

  it('case 66: required calls even when nothing is mentioned', async () => {
    expect(namesCalled((await complete({ ...about('hello'), tool_choice: 'required' })).choice)).toEqual([
      'get_weather',
    ]);
  });

  it('case 54: required calls both tools that are mentioned, but one if not in parallel', async () => {
    const both: Request = { ...about('get_weather and get_time'), tool_choice: 'required' };
    const { choice } = await complete(both);
    expect(namesCalled(choice)).toEqual(['get_weather', 'get_time']);
    expect(new Set(choice.message.tool_calls?.map(({ id }) => id)).size).toBe(2);
    expect(namesCalled((await complete({ ...both, parallel_tool_calls: false })).choice)).toHaveLength(1);
  });

  it('case 66: a named tool is called whatever was said', async () => {
    const named: Request = {
      ...about('weather'),
      tool_choice: { type: 'function', function: { name: 'get_time' } },
    };
    expect(namesCalled((await complete(named)).choice)).toEqual(['get_time']);
    const custom: Request = {
      ...about('weather'),
      tool_choice: { type: 'custom', custom: { name: 'note' } },
    };
    expect((await complete(custom)).choice.message.tool_calls).toMatchObject([
      { type: 'custom', custom: { name: 'note', input: expect.stringContaining('weather') } },
    ]);
  });

  it('refuses a named tool that is not offered', async () => {
    const tool_choice = { type: 'function' as const, function: { name: 'other' } };
    await expect(complete({ ...about('hi'), tool_choice })).rejects.toThrow(
      expect.objectContaining({
        code: 'upstream_rejected_request',
        param: 'tool_choice',
      }),
    );
  });

  it('case 66: allowed_tools calls nothing outside its list', async () => {
    const tools = [{ type: 'function', function: { name: 'get_time' } }];
    const allow = (mode: 'auto' | 'required'): Request => ({
      ...about('weather'),
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode, tools } },
    });
    expect(namesCalled((await complete(allow('auto'))).choice)).toEqual([]);
    expect(namesCalled((await complete(allow('required'))).choice)).toEqual(['get_time']);
  });

  it('answers in text with the results once tools have answered', async () => {
    const calls = (await complete(about('weather and time'))).choice.message.tool_calls ?? [];
    const messages: ChatMessage[] = [
      user('weather and time'),
      { role: 'assistant', content: null, tool_calls: calls },
      ...calls.map((call, index) => ({
        role: 'tool' as const,
        tool_call_id: call.id,
        content: ['sunny, 21 degrees', 'half past four'][index] ?? '',
      })),
    ];
    const { choice } = await complete({ messages, tools: [weather, time] });
    expect(choice.finish_reason).toBe('stop');
    for (const part of ['get_weather', 'sunny, 21 degrees', 'get_time', 'half past four']) {
      expect(choice.message.content).toContain(part);
    }
  });

  it('puts a call of legacy functions into function_call', async () => {
    const functions = [weather.type === 'function' ? weather.function : { name: '' }];
    const { choice } = await complete({ messages: [user('weather?')], functions });
    expect(choice).toMatchObject({
      finish_reason: 'function_call',
      message: { function_call: { name: 'get_weather', arguments: expect.stringContaining('city') } },
    });
    const named = await complete({ functions, function_call: { name: 'get_weather' } });
    expect(named.choice.finish_reason).toBe('function_call');
    expect((await complete({ functions, function_call: 'none' })).choice.finish_reason).toBe('stop');
  });
});
