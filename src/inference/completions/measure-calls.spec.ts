import { describe, expect, it } from '@jest/globals';
import type { CompletionRequest } from '../../contracts/openai/completion.js';
import { measureChat } from '../prompt.js';
import type { ChatPreset } from './chat-preset.js';
import { toChatRequest } from './chat-request.js';
import { measureCalls } from './measure-calls.js';

const preset: ChatPreset = {
  lead: [{ role: 'system', content: 'You are Bot.' }],
  suffixRole: 'user',
  settings: { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } } },
};

describe('measureCalls', () => {
  it.each([{}, { suffix: 'THE END' }])('is the sum of what is sent, with %j', (rest) => {
    const request: CompletionRequest = { model: 'm', prompt: ['a', 'bc', ''], ...rest };
    const calls = ['a', 'bc', ''].map((prompt) => measureChat(toChatRequest(request, prompt, preset)));
    const sum = (of: (call: (typeof calls)[number]) => number): number =>
      calls.reduce((total, call) => total + of(call), 0);
    const measured = measureCalls(request, preset);
    expect(measured).toMatchObject({
      chars: sum(({ chars }) => chars),
      extraTokens: sum(({ extraTokens }) => extraTokens),
    });
    expect(measured.texts.join('').length).toBe(measured.chars);
  });

  it('counts token ids as tokens', () => {
    const one = measureCalls({ model: 'm', prompt: '' }, preset);
    expect(measureCalls({ model: 'm', prompt: [[1, 2], [3]] }, preset)).toMatchObject({
      chars: one.chars * 2,
      extraTokens: one.extraTokens * 2 + 3,
    });
  });

  it('is the prompts alone where nobody is called', () => {
    expect(measureCalls({ model: 'm', prompt: 'abc', max_tokens: 0 }, preset)).toMatchObject({
      texts: ['abc'],
      extraTokens: 0,
    });
  });
});
