import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { newMessageId } from '../common/ids/ids.js';
import type { ChatMessage, ToolCall } from '../contracts/openai/chat-completion.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import { digestOf } from './chain.js';
import { customCallsOf, messageIdOf, toItems, withoutItem } from './conversation-items.js';
import { NewItemsDto } from './conversations.dto.js';
import { toMessages } from './input-items.js';

const sayTheSame = (a: ChatMessage, b: ChatMessage): boolean => digestOf(a) === digestOf(b);

const W = { streamOptionsWithoutStream: 'refuse', conversations: true } as const;

const id = 'msg_6b3a57d21c8e4f0995b1b9b000000007';
const call = (callId: string): ToolCall => ({
  id: callId,
  type: 'function',
  function: { name: 'look', arguments: '{"at":1}' },
});
const calls: ChatMessage = {
  role: 'assistant',
  content: 'Let me look.',
  tool_calls: [
    call('a'),
    { id: 'b', type: 'custom', custom: { name: 'note', input: 'x' } },
    call('c'),
    // An upstream that names its calls badly.
    call('c'),
  ],
};

const output = (callId: string): ChatMessage => ({ role: 'tool', tool_call_id: callId, content: 'done' });
const itemsOf = (message: ChatMessage) => toItems({ id, message }, new Set());
const idsOf = (message: ChatMessage): string[] => itemsOf(message).map((item) => item.id);

describe('toItems', () => {
  it('gives a message and its calls ids that differ and lead back to the message', () => {
    const ids = idsOf(calls);
    expect(itemsOf(calls).map(({ type }) => type)).toEqual([
      'message',
      'function_call',
      'custom_tool_call',
      'function_call',
      'function_call',
    ]);
    expect(new Set(ids).size).toBe(5);
    expect(ids.map(messageIdOf)).toEqual(ids.map(() => id));
  });

  it.each(['', 'msg_', id.toUpperCase(), `${id}0`, `x${id}`, `${id}\n`, 'fc_1'])(
    'knows %j for no item',
    (odd) => {
      expect(messageIdOf(odd)).toBeUndefined();
    },
  );

  it('shows a message that says nothing only where there is nothing else to show', () => {
    expect(itemsOf({ ...calls, content: '' }).map(({ type }) => type)).not.toContain('message');
    expect(itemsOf({ role: 'assistant', content: null })).toMatchObject([{ type: 'message', content: [] }]);
  });

  it("tells a custom tool's output by the call that it answers", () => {
    const custom = customCallsOf([{ id, message: calls }]);
    const typeOf = (message: ChatMessage) => toItems({ id, message }, custom)[0]?.type;
    expect([typeOf(output('a')), typeOf(output('b'))]).toEqual([
      'function_call_output',
      'custom_tool_call_output',
    ]);
  });
});

describe('withoutItem', () => {
  it.each([0, 1, 2, 3, 4])('leaves the other items as they were, without number %i', (index) => {
    const ids = idsOf(calls);
    const left = withoutItem({ id, message: calls }, ids[index] ?? '');
    // Of two calls with one id, the client cannot say which it means.
    const expected = ids.toSpliced(index === 3 ? 4 : index, 1);
    expect(left === undefined ? [] : idsOf(left)).toEqual(expected);
  });

  it('leaves nothing of a message without its last item, in whatever order they go', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const names = ['msg', 'a', 'b', 'c'];
        const distinct: ChatMessage = { ...calls, tool_calls: (calls.tool_calls ?? []).slice(0, 3) };
        const ids = idsOf(distinct);
        let message: ChatMessage | undefined = distinct;
        for (const index of order) {
          if (message === undefined) throw new Error(`gone before ${names[index] ?? ''}`);
          message = withoutItem({ id, message }, ids[index] ?? '');
        }
        expect(message).toBeUndefined();
      }),
    );
  });

  it('takes what a message says with its refusal, and the deprecated call by itself', () => {
    const message: ChatMessage = {
      role: 'assistant',
      content: null,
      refusal: 'no',
      function_call: { name: 'f', arguments: '{}' },
    };
    const [said = '', called = ''] = idsOf(message);
    const withoutWords = withoutItem({ id, message }, said);
    expect(withoutWords).toEqual({
      role: 'assistant',
      content: null,
      function_call: { name: 'f', arguments: '{}' },
    });
    expect(withoutItem({ id, message }, called)).toEqual({ role: 'assistant', content: null, refusal: 'no' });
  });
});

const text = fc.string();
const words = fc.string({ minLength: 1 });
const toolCall: fc.Arbitrary<ToolCall> = fc.oneof(
  fc.record({
    id: words,
    type: fc.constant('function' as const),
    function: fc.record({ name: words, arguments: text }),
  }),
  fc.record({
    id: words,
    type: fc.constant('custom' as const),
    custom: fc.record({ name: words, input: text }),
  }),
);
const image = fc.record({
  type: fc.constant('image_url' as const),
  image_url: fc.record({ url: fc.webUrl(), detail: fc.constantFrom('auto' as const, 'high' as const) }),
});
const textPart = fc.record({ type: fc.constant('text' as const), text });
const stored: fc.Arbitrary<ChatMessage> = fc.oneof(
  fc.record({ role: fc.constant('user' as const), content: text }),
  fc.record({
    role: fc.constant('user' as const),
    name: words,
    content: fc.array(fc.oneof(textPart, image), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ role: fc.constant('assistant' as const), content: text }),
  fc.record({
    role: fc.constant('assistant' as const),
    content: fc.option(words),
    tool_calls: fc.array(toolCall, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ role: fc.constant('tool' as const), tool_call_id: words, content: text }),
);

describe('a history as items and back', () => {
  it('says the same, put in again as items', () => {
    fc.assert(
      fc.property(fc.array(stored, { minLength: 1, maxLength: 4 }), (messages) => {
        const custom = customCallsOf(messages.map((message) => ({ id, message })));
        const items = messages.flatMap((message, seq) => toItems({ id: newMessageId(seq), message }, custom));
        fc.pre(items.length <= 20 && !joins(messages));
        const body = JSON.parse(JSON.stringify({ items })) as unknown;
        const again = toMessages(validateRequest(NewItemsDto, body, { surface: W }).items);
        expect(again).toHaveLength(messages.length);
        for (const [index, message] of messages.entries()) {
          expect([message, again[index], sayTheSame(message, again[index] ?? message)]).toEqual([
            message,
            again[index],
            true,
          ]);
        }
      }),
    );
  });

  it('is the same, put in again as messages', () => {
    fc.assert(
      fc.property(fc.array(stored, { minLength: 1, maxLength: 20 }), (messages) => {
        const body = JSON.parse(
          JSON.stringify({ items: messages.map((message) => ({ id, turn: 1, ...message })) }),
        ) as unknown;
        const again = toMessages(validateRequest(NewItemsDto, body, { surface: W }).items);
        for (const [index, message] of messages.entries()) {
          expect(sayTheSame(message, again[index] ?? { role: 'user' })).toBe(true);
        }
      }),
    );
  });
});

/** Whether a message that only calls follows another of the assistant's: as items, nothing tells them apart. */
function joins(messages: readonly ChatMessage[]): boolean {
  return messages.some(
    ({ role, content, tool_calls: made }, index) =>
      role === 'assistant' && !content && made !== undefined && messages[index - 1]?.role === 'assistant',
  );
}
