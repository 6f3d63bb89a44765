import { describe, expect, it } from '@jest/globals';
import type { AssistantMessage } from '../contracts/openai/chat-completion.js';
import { rememberedAnswer } from './persist-answer.js';

describe('rememberedAnswer', () => {
  it('is what was said, without its thoughts', () => {
    expect(remembered({ content: 'Hello', reasoning_content: 'Hm.' })).toEqual([
      { role: 'assistant', content: 'Hello' },
    ]);
  });

  it('is the words of what was spoken, without its sound', () => {
    expect(remembered({ audio: { id: 'audio_1', data: 'AAAA', transcript: 'Hello' } })).toEqual([
      { role: 'assistant', content: 'Hello' },
    ]);
  });

  it('is a message also where nothing was said', () => {
    expect(remembered({})).toEqual([{ role: 'assistant', content: '' }]);
  });
});

function remembered(message: Partial<AssistantMessage>) {
  return rememberedAnswer({
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: null, refusal: null, ...message },
        finish_reason: 'stop',
        logprobs: null,
      },
    ],
  });
}
