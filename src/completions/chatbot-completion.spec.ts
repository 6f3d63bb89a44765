import { describe, expect, it } from '@jest/globals';
import { chatbotSettings } from '../../test/support/chatbots.js';
import type { ChatbotSettings } from '../chatbots/chatbot.js';
import type { CompletionRequest } from '../contracts/openai/completion.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { toChatbotCompletion } from './chatbot-completion.js';

const complete = (settings: Partial<ChatbotSettings>, asked: Partial<CompletionRequest> = {}) =>
  toChatbotCompletion(chatbotSettings({ model: 'm', ...settings }), {
    model: 'bot_1',
    prompt: 'a',
    ...asked,
  });

describe('toChatbotCompletion', () => {
  it('asks the model behind the chatbot, with its prompt and the defaults of a chatbot', () => {
    expect(complete({})).toEqual({
      request: { model: 'm', prompt: 'a', temperature: 0.7, top_p: 1, max_tokens: 4096 },
      preset: {
        lead: [{ role: 'system', content: 'You are Bot.' }],
        suffixRole: 'user',
        settings: {},
      },
    });
  });

  it("leaves the caller what is of a legacy completion alone, and takes the chatbot's for what it keeps", () => {
    const own = { echo: true, suffix: 's', logprobs: 2, stream: true, stream_options: {} };
    const kept = { temperature: 2, max_tokens: 9, n: 3, best_of: 4, stop: 'x', logit_bias: { '1': 1 } };
    const sampling = { temperature: 0.1, max_tokens: 50, stop: ['END'] };
    const { request } = complete({ overrides: [], sampling }, { ...own, ...kept, user: 'u' });
    expect(request).toEqual({ model: 'm', prompt: 'a', ...own, ...sampling, top_p: 1, user: 'u' });
    expect(complete({ sampling }, kept).request).toEqual({ model: 'm', prompt: 'a', ...kept, top_p: 1 });
  });

  it('takes along the settings that only a chat has, but no tools', () => {
    const { request, preset } = complete({
      sampling: { reasoning_effort: 'low', verbosity: 'high' },
      responseFormat: { type: 'json_object' },
      tools: [{ type: 'function', function: { name: 'f' } }],
      toolChoice: 'required',
    });
    expect(preset.settings).toEqual({
      reasoning_effort: 'low',
      verbosity: 'high',
      response_format: { type: 'json_object' },
    });
    // A model that reasons refuses a temperature, so it gets none of ours.
    expect(request).toEqual({ model: 'm', prompt: 'a', max_tokens: 4096 });
  });

  it("takes a suffix for instructions only where the chatbot takes a caller's", () => {
    expect(complete({ acceptsInstructions: true }).preset.suffixRole).toBe('system');
  });

  it('says nothing first where there is no system prompt', () => {
    expect(complete({ systemPrompt: '' }).preset.lead).toEqual([]);
  });

  it('fills variables by themselves, and refuses one without a value', () => {
    const systemPrompt = 'Speak {{tongue}}.';
    expect(complete({ systemPrompt, variables: { tongue: 'Latin' } }).preset.lead).toEqual([
      { role: 'system', content: 'Speak Latin.' },
    ]);
    expect(() => complete({ systemPrompt })).toThrow(ValidationFailedError);
  });
});
