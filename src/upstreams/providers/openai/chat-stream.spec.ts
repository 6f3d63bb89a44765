import { describe, expect, it } from '@jest/globals';
import type { ChatDelta } from '../../../contracts/openai/chat-completion.js';
import { UpstreamError } from '../../upstream.errors.js';
import { chatChunkParser } from './chat-stream.js';
import { finishReasonReader } from './finish-reason.js';

function parser(): ReturnType<typeof chatChunkParser> {
  return chatChunkParser(finishReasonReader(() => undefined));
}

function deltas(...events: Record<string, unknown>[]): (ChatDelta | undefined)[] {
  const parse = parser();
  return events.map((delta) => parse({ choices: [{ index: 0, delta }] }).choices[0]?.delta);
}

describe('chatChunkParser', () => {
  it('picks what is known and leaves the rest', () => {
    const chunk = parser()({
      id: 'x',
      obfuscation: 'abc',
      provider: 'secret-host',
      usage: null,
      system_fingerprint: 'fp',
      choices: [
        { index: 1, delta: { content: 'a', custom: 1 }, native_finish_reason: 'x', finish_reason: null },
      ],
    });
    expect(chunk).toEqual({
      choices: [{ index: 1, delta: { content: 'a' }, finish_reason: null }],
      usage: undefined,
      system_fingerprint: 'fp',
      service_tier: undefined,
    });
  });

  it('case 57: reads reasoning under both of its names', () => {
    expect(deltas({ reasoning_content: 'a' }, { reasoning: 'b' }, { reasoning: '' })).toEqual([
      { reasoning_content: 'a' },
      { reasoning_content: 'b' },
      {},
    ]);
  });

  it('joins the texts of content parts', () => {
    const content = [
      { type: 'thinking', thinking: [] },
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    expect(deltas({ content })).toEqual([{ content: 'ab' }]);
  });

  it('case 54: omits the id, type and name that a continuation repeats as null or empty', () => {
    expect(
      deltas(
        {
          tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '' } }],
        },
        { tool_calls: [{ index: 0, id: null, type: null, function: { name: null, arguments: '{"a"' } }] },
        { tool_calls: [{ index: 0, id: '', function: { name: '', arguments: ':1}' } }] },
      ),
    ).toEqual([
      { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
    ]);
  });

  it('numbers tool calls that come without index: an id begins the next one', () => {
    const found = deltas(
      {
        tool_calls: [
          { id: 'a', function: { name: 'f', arguments: { x: 1 } } },
          { id: 'b', function: { name: 'g' } },
        ],
      },
      { tool_calls: [{ function: { arguments: '{}' } }] },
      { tool_calls: [{ id: 'c', function: { name: 'h' } }] },
    );
    expect(found.flatMap((delta) => delta?.tool_calls ?? [])).toEqual([
      { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
      { index: 1, id: 'b', type: 'function', function: { name: 'g' } },
      { index: 1, function: { arguments: '{}' } },
      { index: 2, id: 'c', type: 'function', function: { name: 'h' } },
    ]);
  });

  it('takes an event without choices for one that only carries usage', () => {
    expect(parser()({ usage: { prompt_tokens: 1 } })).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 1 },
    });
  });

  it.each([[{ choices: 'x' }], [{ choices: [null] }], [{ choices: [{ delta: { content: 7 } }] }]])(
    'refuses %j',
    (event) => {
      expect(() => parser()(event)).toThrow(UpstreamError);
    },
  );
});
