import { describe, expect, it } from '@jest/globals';
import type { Content } from './language-model.js';
import { toChatChoice } from './response.js';

function choice(...content: Content[]): ReturnType<typeof toChatChoice> {
  return toChatChoice({ content, finishReason: { unified: 'stop', raw: 'end_turn' } }, 2, () => 'stop');
}

describe('toChatChoice', () => {
  it('joins texts and reasoning apart', () => {
    expect(
      choice(
        { type: 'reasoning', text: 'hm' },
        { type: 'text', text: 'a' },
        { type: 'reasoning', text: '!' },
        { type: 'text', text: 'b' },
      ),
    ).toEqual({
      index: 2,
      message: { role: 'assistant', content: 'ab', refusal: null, reasoning_content: 'hm!' },
      finish_reason: 'stop',
      logprobs: null,
    });
  });

  it('has null content beside tool calls alone, and an empty text when nothing was said', () => {
    const call = { type: 'tool-call', toolCallId: 'c', toolName: 'f', input: '{"a":1}' } as const;
    expect(choice(call).message).toEqual({
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
    });
    expect(choice({ type: 'text', text: 'a' }, call).message.content).toBe('a');
    expect(choice().message.content).toBe('');
    expect(choice({ ...call, providerExecuted: true }).message).not.toHaveProperty('tool_calls');
  });
});
