import { describe, expect, it } from '@jest/globals';
import type { ChatChunk } from '../../upstream.port.js';
import type { StreamPart } from './language-model.js';
import { ChoiceStream } from './stream.js';

const FINISH: StreamPart = {
  type: 'finish',
  finishReason: { unified: 'stop', raw: 'end_turn' },
  usage: {
    inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 2, text: 2, reasoning: 0 },
  },
};

function run(choice: ChoiceStream, ...parts: StreamPart[]): ChatChunk['choices'][number]['delta'][] {
  return parts.flatMap((part) => choice.next(part)?.choices ?? []).map(({ delta }) => delta);
}

function newChoice(): ChoiceStream {
  return new ChoiceStream(3, () => 'stop');
}

describe('ChoiceStream', () => {
  it('case 40: says the role once, text and reasoning as they come, nothing empty', () => {
    const choice = newChoice();
    expect(
      run(
        choice,
        { type: 'stream-start', warnings: [] },
        { type: 'response-metadata', id: 'x' },
        { type: 'reasoning-delta', id: '0', delta: 'hm' },
        { type: 'reasoning-delta', id: '0', delta: '' },
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: '' },
        { type: 'text-delta', id: '1', delta: 'a' },
        { type: 'text-end', id: '1' },
      ),
    ).toEqual([{ role: 'assistant', reasoning_content: 'hm' }, { content: 'a' }]);
    expect(choice.finished).toBe(false);
    expect(choice.next(FINISH)).toEqual({ choices: [{ index: 3, delta: {}, finish_reason: 'stop' }] });
    expect(choice.finished).toBe(true);
    expect(choice.usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 2 });
  });

  it('case 54: names parallel tool calls once under dense indices, then fragments alone', () => {
    const deltas = run(
      newChoice(),
      { type: 'tool-input-start', id: 'a', toolName: 'one' },
      { type: 'tool-input-start', id: 'b', toolName: 'two' },
      { type: 'tool-input-delta', id: 'b', delta: '{' },
      { type: 'tool-input-delta', id: 'a', delta: '{}' },
      { type: 'tool-input-delta', id: 'b', delta: '}' },
      { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: '{}' },
      { type: 'tool-call', toolCallId: 'b', toolName: 'two', input: '{}' },
    );
    expect(deltas.flatMap((delta) => delta.tool_calls ?? [])).toEqual([
      { index: 0, id: 'a', type: 'function', function: { name: 'one', arguments: '' } },
      { index: 1, id: 'b', type: 'function', function: { name: 'two', arguments: '' } },
      { index: 1, function: { arguments: '{' } },
      { index: 0, function: { arguments: '{}' } },
      { index: 1, function: { arguments: '}' } },
    ]);
  });

  it('gives the arguments of calls that come without fragments, or without a start', () => {
    const deltas = run(
      newChoice(),
      { type: 'tool-input-start', id: 'a', toolName: 'one' },
      { type: 'tool-input-end', id: 'a' },
      { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: '{}' },
      { type: 'tool-call', toolCallId: 'b', toolName: 'two', input: '{"x":1}' },
    );
    expect(deltas.flatMap((delta) => delta.tool_calls ?? []).slice(1)).toEqual([
      { index: 0, function: { arguments: '{}' } },
      { index: 1, id: 'b', type: 'function', function: { name: 'two', arguments: '{"x":1}' } },
    ]);
  });

  it("leaves out calls of the vendor's own tools", () => {
    expect(
      run(
        newChoice(),
        { type: 'tool-input-start', id: 's', toolName: 'web_search', providerExecuted: true },
        { type: 'tool-input-delta', id: 's', delta: '{}' },
        { type: 'tool-call', toolCallId: 's', toolName: 'web_search', input: '{}', providerExecuted: true },
      ),
    ).toEqual([]);
  });

  it('throws what an error part holds', () => {
    const error = { message: 'Overloaded', statusCode: 529 };
    expect(() => newChoice().next({ type: 'error', error })).toThrow(expect.objectContaining(error));
  });
});
