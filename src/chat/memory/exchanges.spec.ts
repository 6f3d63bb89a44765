import { describe, expect, it } from '@jest/globals';
import { calls, result, says, stored, user } from '../../../test/support/histories.js';
import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { completedCalls, exchangesOf } from './exchanges.js';

const [u1, a1, u2, a2] = [user('1'), says('one'), user('2'), says('two')];
const calling: ChatMessage = {
  role: 'assistant',
  content: null,
  function_call: { name: 'f', arguments: '{}' },
};

/** Seqs of each exchange, the pinned one last. */
function exchanges(turns: ChatMessage[][], fresh: ChatMessage[], without: number[] = [], complete = true) {
  const messages = stored(turns).filter(({ seq }) => !without.includes(seq));
  const { sendable, pinned } = exchangesOf(messages, complete, fresh);
  return {
    sendable: sendable.map((exchange) => exchange.map(({ seq }) => seq)),
    pinned: pinned?.map(({ seq }) => seq),
  };
}

describe('the exchanges of a history', () => {
  it('are its turns', () => {
    expect(
      exchanges(
        [
          [u1, a1],
          [u2, a2],
        ],
        [user('3')],
      ),
    ).toEqual({
      sendable: [
        [1, 2],
        [3, 4],
      ],
      pinned: undefined,
    });
  });

  it('join the turns between a call and the answer', () => {
    const turns = [
      [u1, calls('a')],
      [result('a'), calls('b', 'c')],
      [result('b'), result('c'), a1],
      [u2, a2],
    ];
    expect(exchanges(turns, [user('3')])).toEqual({
      sendable: [
        [1, 2, 3, 4, 5, 6, 7],
        [8, 9],
      ],
      pinned: undefined,
    });
  });

  it('are many where a client brought its whole history in one turn', () => {
    const welcome = says('Welcome.');
    const history = [welcome, u1, calls('a'), result('a'), a1, u2, user('and'), a2, user('3'), says('three')];
    expect(exchanges([history], [user('4')]).sendable).toEqual([[1], [2, 3, 4, 5], [6, 7, 8], [9, 10]]);
    // What follows on a call, or is said between a result and the answer, belongs to it.
    const loop = [
      [u1, calls('a')],
      [result('a'), u2, a2, user('3'), says('three')],
    ];
    expect(exchanges(loop, [user('4')]).sendable).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7],
    ]);
  });

  it('pin the last one while the new messages answer its calls', () => {
    const turns = [
      [u1, a1],
      [u2, calls('a')],
      [result('a'), calls('b', 'c')],
    ];
    const fresh = [result('c'), result('b')];
    expect(exchanges(turns, fresh)).toEqual({ sendable: [[1, 2]], pinned: [3, 4, 5, 6] });
    expect(exchanges([[u1, calling]], [{ role: 'function', name: 'f', content: '1' }]).pinned).toEqual([
      1, 2,
    ]);
  });

  it('pin a call of which the new messages answer again what is answered already', () => {
    expect(exchanges([[u1, calls('a'), result('a')]], [result('a')]).pinned).toEqual([1, 2, 3]);
  });

  it.each<[string, ChatMessage[]]>([
    ['when the client goes on without an answer', [user('3')]],
    ['when the client answers another call', [result('x')]],
    ['when nothing follows', []],
  ])('leave out an unanswered call, and nothing before it, %s', (_when, fresh) => {
    expect(
      exchanges([[u1, a1], [u2, calls('a')], [result('a'), calls('b', 'c')], [result('b')]], fresh),
    ).toEqual({
      sendable: [
        [1, 2],
        [3, 4, 5],
      ],
      pinned: undefined,
    });
    expect(exchanges([[u1, calling]], fresh).sendable).toEqual([[1]]);
  });

  it.each([
    ['a result', 4, [1, 5]],
    ['the call', 2, [1, 5]],
    ['the question', 1, [2, 3, 4, 5]],
  ])('leave out what has lost its counterpart where somebody deleted %s', (_what, deleted, left) => {
    const turns = [
      [u1, calls('a', 'b'), result('a'), result('b'), a1],
      [u2, a2],
    ];
    expect(exchanges(turns, [user('3')], [deleted]).sendable).toEqual([left, [6, 7]]);
  });

  it('leave out a first turn that may lack its beginning, unless it is needed', () => {
    expect(exchanges([[a1], [u2, a2]], [user('3')], [], false).sendable).toEqual([[2, 3]]);
    expect(exchanges([[a1, u2, a2]], [user('3')], [], false).sendable).toEqual([[2, 3]]);
    expect(exchanges([[u1, calls('a')]], [result('a')], [], false).pinned).toEqual([1, 2]);
  });
});

describe('the calls that an exchange can do without', () => {
  const exchange = stored([
    [u1, calls('a')],
    [result('a'), calling],
    [{ role: 'function', name: 'f', content: '1' }, user('and'), calls('b', 'c')],
    [result('b'), result('c')],
  ]);
  const seqsOf = (which: 'any' | 'followed') =>
    completedCalls(exchange, which).map((call) => call.map(({ seq }) => seq));

  it('are those with all their results', () => {
    const twoCalls = [
      [2, 3],
      [4, 5],
    ];
    expect(seqsOf('followed')).toEqual(twoCalls);
    expect(seqsOf('any')).toEqual([...twoCalls, [7, 8, 9]]);
    expect(completedCalls(exchange.slice(0, -1), 'any')).toHaveLength(2);
  });
});
