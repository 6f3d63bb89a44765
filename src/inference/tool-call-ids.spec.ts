import { describe, expect, it } from '@jest/globals';
import type { ToolCallDelta } from '../contracts/openai/chat-completion.js';
import { nameToolCalls, toolCallNamer } from './tool-call-ids.js';

const OURS = /^call_[0-9a-f]{24}$/;

const call = (id: string) => ({
  id,
  type: 'function' as const,
  function: { name: 'f', arguments: '{}' },
});

describe('tool calls that an upstream does not name', () => {
  it('are named in a whole answer, others keep their id', () => {
    const message = {
      role: 'assistant' as const,
      content: null,
      refusal: null,
      tool_calls: [call(''), call('theirs')],
    };
    const answer = nameToolCalls({
      choices: [{ index: 0, message, finish_reason: 'tool_calls', logprobs: null }],
      usage: undefined,
    });
    expect(answer.choices[0]?.message.tool_calls?.map(({ id }) => id)).toEqual([
      expect.stringMatching(OURS),
      'theirs',
    ]);
  });

  it('are named once in a stream, by the first chunk that tells of them', () => {
    const name = toolCallNamer();
    const chunk = (...calls: ToolCallDelta[]) =>
      name({ choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: null }] }).choices[0]?.delta
        .tool_calls;
    const [first, second] = chunk({ index: 0, function: { name: 'f' } }, { index: 1, id: 'theirs' }) ?? [];
    expect(first?.id).toMatch(OURS);
    expect(second?.id).toBe('theirs');
    expect(chunk({ index: 0, function: { arguments: '{}' } })?.[0]?.id).toBeUndefined();
  });
});
