import { describe, expect, it } from '@jest/globals';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { applySettings } from './apply-settings.js';
import { OVERRIDABLE_FIELDS, type ChatbotSettings } from './chatbot.js';

const settings = (changes: Partial<ChatbotSettings> = {}): ChatbotSettings => ({
  name: 'Bot',
  description: '',
  model: 'test/model',
  systemPrompt: '',
  variables: {},
  sampling: {},
  memory: { kind: 'window' },
  overrides: OVERRIDABLE_FIELDS,
  acceptsInstructions: false,
  ...changes,
});

const asked = (changes: Partial<ChatCompletionRequest> = {}): ChatCompletionRequest => ({
  model: 'bot_1',
  messages: [{ role: 'user', content: 'hi' }],
  ...changes,
});

const tool = (name: string) => ({ type: 'function' as const, function: { name } });

function limitsOf(own: ChatbotSettings, request: ChatCompletionRequest): (number | undefined)[] {
  const { max_tokens, max_completion_tokens } = applySettings(own, request);
  return [max_tokens, max_completion_tokens];
}

/** Of all that is refused. */
function paramsOf(over: Partial<ChatCompletionRequest>, { tools }: Partial<ChatbotSettings>): string[] {
  try {
    applySettings(settings({ tools }), asked(over));
    return [];
  } catch (error) {
    return (error as ValidationFailedError).issues.map(({ path }) => path.join());
  }
}

describe('applySettings', () => {
  it('asks the model behind it, with the defaults of a chatbot (case 16)', () => {
    expect(applySettings(settings(), asked())).toEqual({
      model: 'test/model',
      messages: [{ role: 'user', content: 'hi' }],
      temperature: 0.7,
      top_p: 1,
      max_tokens: 4096,
    });
  });

  it('puts its own settings before the defaults, and the request’s before both', () => {
    const own = settings({ sampling: { temperature: 0.2, max_tokens: 100, stop: 'END' } });
    expect(applySettings(own, asked())).toMatchObject({ temperature: 0.2, max_tokens: 100, stop: 'END' });
    expect(applySettings(own, asked({ temperature: 1.5, max_completion_tokens: 7 }))).toMatchObject({
      temperature: 1.5,
      max_completion_tokens: 7,
    });
  });

  it('limits an answer by the name that the request uses, or that models that reason know', () => {
    expect(limitsOf(settings(), asked({ max_tokens: 5 }))).toEqual([5, undefined]);
    expect(limitsOf(settings(), asked({ max_completion_tokens: 5, max_tokens: 9 }))).toEqual([undefined, 5]);
    const reasons = settings({ sampling: { reasoning_effort: 'low', max_tokens: 100 } });
    expect(limitsOf(reasons, asked())).toEqual([undefined, 100]);
    expect(limitsOf(reasons, asked({ max_tokens: 5 }))).toEqual([undefined, 5]);
    expect(limitsOf(settings(), asked({ reasoning_effort: 'low' }))).toEqual([undefined, 4096]);
    const strict = settings({ overrides: [] });
    expect(limitsOf(strict, asked({ max_completion_tokens: 5 }))).toEqual([4096, undefined]);
  });

  it('keeps what it does not let be set', () => {
    const strict = settings({
      sampling: { temperature: 0.2, max_tokens: 100 },
      tools: [tool('own')],
      responseFormat: { type: 'json_object' },
      overrides: [],
    });
    const request = applySettings(
      strict,
      asked({
        temperature: 2,
        max_tokens: 9999,
        max_completion_tokens: 9999,
        n: 5,
        logit_bias: { '1': 100 },
        tools: [tool('theirs')],
        tool_choice: 'none',
        web_search_options: {},
        response_format: { type: 'text' },
      }),
    );
    expect(request).toEqual({
      model: 'test/model',
      messages: [{ role: 'user', content: 'hi' }],
      temperature: 0.2,
      top_p: 1,
      max_tokens: 100,
      tools: [tool('own')],
      response_format: { type: 'json_object' },
    });
  });

  it('replaces its tools by the caller’s, with the caller’s choice among them', () => {
    const own = settings({ tools: [tool('own')], toolChoice: 'required' });
    expect(applySettings(own, asked())).toMatchObject({ tools: [tool('own')], tool_choice: 'required' });
    const request = applySettings(own, asked({ tools: [tool('theirs')] }));
    expect(request.tools).toEqual([tool('theirs')]);
    expect(request.tool_choice).toBeUndefined();
  });

  describe('lets a caller say how its own tools are used', () => {
    const own = settings({ tools: [tool('own')] });
    const named = { type: 'function', function: { name: 'own' } } as const;

    it.each([{ tool_choice: 'required' as const }, { tool_choice: named }, { parallel_tool_calls: false }])(
      'with %j',
      (use) => {
        expect(applySettings(own, asked(use))).toMatchObject({ tools: [tool('own')], ...use });
      },
    );

    it('and refuses it where there are none, or others', () => {
      const use = { tool_choice: named, parallel_tool_calls: true };
      expect(paramsOf(use, {})).toEqual(['tool_choice', 'parallel_tool_calls']);
      expect(paramsOf({ ...use, functions: [{ name: 'own' }] }, own)).toEqual([
        'tool_choice',
        'parallel_tool_calls',
      ]);
      expect(paramsOf(use, { tools: [tool('other')] })).toEqual(['tool_choice']);
      expect(paramsOf({ tool_choice: 'none' }, {})).toEqual([]);
    });

    it('and heeds no choice where it keeps its tools to itself', () => {
      const closed = settings({ tools: [tool('own')], overrides: [] });
      const request = applySettings(closed, asked({ tool_choice: 'required', parallel_tool_calls: false }));
      expect(request).not.toHaveProperty('tool_choice');
      expect(request).not.toHaveProperty('parallel_tool_calls');
    });
  });

  it.each([{}, { tools: [tool('own')] }])('sends a choice of functions with functions alone (%j)', (has) => {
    expect(applySettings(settings(has), asked({ function_call: 'auto' }))).not.toHaveProperty(
      'function_call',
    );
    const legacy = { functions: [{ name: 'f' }], function_call: { name: 'f' } };
    expect(applySettings(settings(has), asked(legacy))).toMatchObject(legacy);
  });

  it('sends no default temperature to a model that reasons', () => {
    const reasoning = settings({ sampling: { reasoning_effort: 'low' } });
    const request = applySettings(reasoning, asked());
    expect(request.temperature).toBeUndefined();
    expect(request.top_p).toBeUndefined();
    expect(applySettings(reasoning, asked({ temperature: 1 })).temperature).toBe(1);
  });
});
