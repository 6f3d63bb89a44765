import { describe, expect, it } from '@jest/globals';
import { cpuMsOf } from '../../../../test/support/thread-cpu.js';
import type { ChatMessage } from '../../../contracts/openai/chat-completion.js';
import { endsInToolResult, toPrompt } from './prompt.js';

const RULES = { media: ['image/'], urls: {} };

function prompt(...messages: ChatMessage[]): ReturnType<typeof toPrompt> {
  return toPrompt(messages, RULES);
}

const CALL: ChatMessage = {
  role: 'assistant',
  content: '',
  tool_calls: [
    { id: 'a', type: 'function', function: { name: 'one', arguments: '{"x":1}' } },
    { id: 'b', type: 'function', function: { name: 'two', arguments: '' } },
  ],
};

describe('toPrompt', () => {
  it('puts system and developer messages first, in their order', () => {
    expect(
      prompt(
        { role: 'user', content: 'u' },
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'd1' },
            { type: 'text', text: 'd2' },
          ],
        },
        { role: 'assistant', content: 'a' },
        { role: 'system', content: 's' },
      ),
    ).toEqual([
      { role: 'system', content: 'd1d2' },
      { role: 'system', content: 's' },
      { role: 'user', content: [{ type: 'text', text: 'u' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
    ]);
  });

  it('leaves empty texts and messages out, and counts a refusal as what the assistant said', () => {
    expect(
      prompt(
        { role: 'system', content: '' },
        { role: 'user', content: '' },
        { role: 'assistant', content: null },
        { role: 'assistant', content: null, refusal: 'No.' },
      ),
    ).toEqual([{ role: 'assistant', content: [{ type: 'text', text: 'No.' }] }]);
  });

  it('carries tool calls with parsed arguments and joins their results in one message', () => {
    const result = prompt(
      CALL,
      { role: 'tool', tool_call_id: 'b', content: 'B' },
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'A' }] },
    );
    expect(result).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: { x: 1 } },
          { type: 'tool-call', toolCallId: 'b', toolName: 'two', input: {} },
        ],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'b', toolName: 'two', output: { type: 'text', value: 'B' } },
          { type: 'tool-result', toolCallId: 'a', toolName: 'one', output: { type: 'text', value: 'A' } },
        ],
      },
    ]);
    expect(endsInToolResult(result)).toBe(true);
    expect(endsInToolResult(prompt({ role: 'user', content: 'u' }))).toBe(false);
  });

  it('S8: __proto__ in arguments pollutes nothing', () => {
    const call = {
      id: 'a',
      type: 'function' as const,
      function: { name: 'f', arguments: '{"__proto__":{"admin":1}}' },
    };
    prompt({ role: 'assistant', tool_calls: [call] });
    expect(({} as { admin?: number }).admin).toBeUndefined();
  });

  it.each([
    ['messages[0].tool_calls[0].function.arguments', { role: 'assistant', tool_calls: [broken('not json')] }],
    ['messages[0].tool_calls[0].function.arguments', { role: 'assistant', tool_calls: [broken('[1]')] }],
    [
      'messages[0].tool_calls[0].type',
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'x', input: '' } }] },
    ],
    ['messages[0].tool_call_id', { role: 'tool', tool_call_id: 'unknown', content: 'x' }],
    ['messages[0].role', { role: 'function', name: 'f', content: 'x' }],
    ['messages[0].function_call', { role: 'assistant', function_call: { name: 'f', arguments: '{}' } }],
    ['messages[0].content[0]', { role: 'system', content: [{ type: 'image_url', image_url: { url: 'x' } }] }],
    ['messages[0].content[0]', { role: 'user', content: [{ type: 'refusal', refusal: 'x' }] }],
  ] as [string, ChatMessage][])('refuses %s, naming it', (param, message) => {
    expect(() => prompt(message)).toThrow(
      expect.objectContaining({ code: 'upstream_rejected_request', param }),
    );
  });

  it('refuses arguments whose values take too long to be read, over all messages', () => {
    const half = `{"a":"${'a'.repeat(1_048_560)}"}`;
    expect(prompt(calling(half), calling(half))).toHaveLength(2);
    const objects = `{"a":[${'{},'.repeat(1_000_000)}{}]}`;
    let cpu = 0;
    for (const messages of [[calling(objects)], [calling(half), calling(half), calling(half)]]) {
      cpu += cpuMsOf(() => {
        expect(() => prompt(...messages)).toThrow(
          expect.objectContaining({ code: 'upstream_rejected_request' }),
        );
      });
    }
    expect(cpu).toBeLessThan(100);
  });
});

function calling(json: string): ChatMessage {
  return { role: 'assistant', tool_calls: [broken(json)] };
}

function broken(json: string): NonNullable<ChatMessage['tool_calls']>[number] {
  return { id: 'a', type: 'function', function: { name: 'f', arguments: json } };
}
