import { describe, expect, it } from '@jest/globals';
import { newChatbot } from '../support/chatbots.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { useWireApp } from '../support/wire-app.js';
import { countedClient } from '../support/wire-client.js';
import { chatBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const tool = (name: string, description: string) => ({
  type: 'function' as const,
  function: {
    name,
    description,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
});
const TOOLS = [
  tool('get_weather', 'Weather of a city'),
  tool('get_population', 'How many people live there'),
];

interface Choice {
  message: {
    content: string | null;
    refusal: string | null;
    tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[];
  };
  finish_reason: string;
}

const namesOf = ({ message }: Choice) => message.tool_calls?.map((call) => call.function.name);
const named = (name: string) => ({ type: 'function', function: { name } });
const about = (content: string) => [{ role: 'user', content }];

describe('tools', () => {
  const app = useWireApp();

  async function ask(over: Record<string, unknown>, { chat } = Q): Promise<Choice> {
    const response = await app.tollgate.post(
      chat,
      chatBody({ model: 'sandbox/chat', tools: TOOLS, ...over }),
    );
    expect(response.status).toBe(200);
    const { choices } = (await response.json()) as { choices: Choice[] };
    return choices[0]!;
  }

  async function refusal({ chat }: WireSurface, over: Record<string, unknown>) {
    const response = await app.tollgate.post(chat, chatBody(over));
    const { error } = (await response.json()) as { error: unknown };
    return { status: response.status, error };
  }

  it('case 66: tool_choice none calls none', async () => {
    const choice = await ask({ tool_choice: 'none', messages: about('What is the weather in Rome?') });
    expect(choice.message).not.toHaveProperty('tool_calls');
    expect(choice).toMatchObject({ message: { content: expect.stringMatching(/./) }, finish_reason: 'stop' });
  });

  it.each([undefined, 'auto'])('case 66: tool_choice %s leaves it to the model', async (tool_choice) => {
    const called = await ask({ tool_choice, messages: about('What is the weather in Rome?') });
    expect(namesOf(called)).toEqual(['get_weather']);
    expect(called.finish_reason).toBe('tool_calls');
    const talked = await ask({ tool_choice, messages: about('Tell me a joke.') });
    expect(talked).toMatchObject({ finish_reason: 'stop' });
  });

  it('case 66: tool_choice required calls one whatever was said', async () => {
    const choice = await ask({ tool_choice: 'required', messages: about('Tell me a joke.') });
    expect(namesOf(choice)?.length).toBeGreaterThan(0);
    expect(choice.finish_reason).toBe('tool_calls');
  });

  it('case 66: a named tool is the one that is called', async () => {
    const choice = await ask({
      tool_choice: { type: 'function', function: { name: 'get_population' } },
      messages: about('What is the weather in Rome?'),
    });
    expect(namesOf(choice)).toEqual(['get_population']);
    expect(choice).toMatchObject({
      message: {
        content: null,
        tool_calls: [{ id: expect.stringMatching(/^call_[A-Za-z0-9]{24}$/), type: 'function' }],
      },
      finish_reason: 'tool_calls',
    });
    const [call] = choice.message.tool_calls ?? [];
    expect(JSON.parse(call?.function.arguments ?? '')).toEqual({ city: expect.any(String) });
  });

  it('case 66: of allowed_tools only an allowed one is called', async () => {
    const choice = await ask({
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: {
          mode: 'required',
          tools: [{ type: 'function', function: { name: 'get_population' } }],
        },
      },
      messages: about('What is the weather in Rome?'),
    });
    expect(namesOf(choice)).toEqual(['get_population']);
  });

  it.each<[string, unknown]>([
    ['none', 'none'],
    ['auto', 'auto'],
    ['required', 'required'],
    ['named', { type: 'function', function: { name: 'get_weather' } }],
  ])(
    'case 66: tools and a tool_choice (%s) reach the upstream as they were sent',
    async (_name, tool_choice) => {
      for (const { chat } of SURFACES) {
        const response = await app.tollgate.post(
          chat,
          chatBody({ tools: TOOLS, tool_choice, parallel_tool_calls: false }),
        );
        expect(response.status).toBe(200);
        expect((await app.upstream.nextRequest()).body).toMatchObject({
          tools: TOOLS,
          tool_choice,
          parallel_tool_calls: false,
        });
      }
    },
  );

  describe('of a chatbot', () => {
    it.each(SURFACES)('are chosen by callers that send none ($name)', async ({ chat }) => {
      const model = await newChatbot(app.tollgate, { tools: TOOLS });
      for (const tool_choice of ['required', named('get_weather')]) {
        const response = await app.tollgate.post(
          chat,
          chatBody({ model, tool_choice, parallel_tool_calls: false }),
        );
        expect(response.status).toBe(200);
        expect((await app.upstream.nextRequest()).body).toMatchObject({
          tools: TOOLS,
          tool_choice,
          parallel_tool_calls: false,
        });
      }
    });

    it.each(SURFACES)('that are not there are refused in the words of a model ($name)', async (surface) => {
      const without = await newChatbot(app.tollgate);
      for (const over of [{ tool_choice: 'required' }, { parallel_tool_calls: false }]) {
        const refused = await refusal(surface, over);
        expect(refused.status).toBe(surface.invalid);
        expect(await refusal(surface, { ...over, model: without })).toEqual(refused);
      }
      const others = await newChatbot(app.tollgate, { tools: TOOLS });
      const over = { tool_choice: named('get_time') };
      const refused = await refusal(surface, { ...over, tools: TOOLS });
      expect(refused.status).toBe(surface.invalid);
      expect(await refusal(surface, { ...over, model: others })).toEqual(refused);
      expect(app.upstream.requests).toEqual([]);
    });
  });

  it.each([
    { surface: W, name: 'W', content: '' },
    { surface: Q, name: 'Q', content: null },
    { surface: L, name: 'L', content: '' },
  ])('case 85: content beside tool calls is $content ($name)', async ({ surface, content }) => {
    const toolCalls = [{ id: 'call_abc', name: 'get_weather', arguments: '{"city":"Rome"}' }];
    app.upstream.otherwise(json(chatAnswer({ toolCalls })));
    const response = await app.tollgate.post(surface.chat, chatBody({ tools: TOOLS }));
    const { choices } = (await response.json()) as { choices: Choice[] };
    expect(choices).toEqual([
      {
        index: 0,
        message: {
          role: 'assistant',
          content,
          refusal: null,
          tool_calls: [
            {
              id: 'call_abc',
              type: 'function',
              function: { name: 'get_weather', arguments: '{"city":"Rome"}' },
            },
          ],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ]);
  });

  it('case 85: the official client reads tool calls on L', async () => {
    const { client } = countedClient(app.tollgate, L);
    const answer = await client.chat.completions.create({
      model: 'sandbox/chat',
      messages: [{ role: 'user', content: 'What is the weather in Rome?' }],
      tools: TOOLS,
      tool_choice: 'required',
    });
    const { message } = answer.choices[0]!;
    expect(message.content).toBe('');
    expect(message.tool_calls?.map((call) => call.type === 'function' && call.function.name)).toEqual([
      'get_weather',
    ]);
  });
});

const ANSWERED_ALIKE = { stop: 'stop', length: 'length', model_length: 'length', tool_calls: 'tool_calls' };

describe('C12: finish reasons', () => {
  const app = useWireApp();

  async function finished(surface: WireSurface, finishReason: string): Promise<Choice> {
    app.upstream.otherwise(json(chatAnswer({ content: 'Some', finishReason })));
    const response = await app.tollgate.post(surface.chat, chatBody());
    const { choices } = (await response.json()) as { choices: Choice[] };
    return choices[0]!;
  }

  it.each([
    { surface: W, name: 'W', reasons: { content_filter: 'stop', function_call: 'tool_calls' } },
    { surface: Q, name: 'Q', reasons: { content_filter: 'content_filter', function_call: 'function_call' } },
    { surface: L, name: 'L', reasons: { content_filter: 'content_filter', function_call: 'function_call' } },
  ])('are those of the dialect ($name)', async ({ surface, reasons }) => {
    const expected = { ...ANSWERED_ALIKE, ...reasons };
    const told: Record<string, string> = {};
    for (const reason of Object.keys(expected))
      told[reason] = (await finished(surface, reason)).finish_reason;
    expect(told).toEqual(expected);
  });

  it('a withheld answer, which W cannot name, has a refusal there', async () => {
    const { message } = await finished(W, 'content_filter');
    expect(message.refusal).toMatch(/content filter/);
    expect((await finished(Q, 'content_filter')).message.refusal).toBeNull();
  });
});
