import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { calls, result, says, stored, user } from '../../../test/support/histories.js';
import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { chainAfter, digestOf, EMPTY_CHAIN } from '../../conversations/chain.js';
import type { StoredMessage } from '../../conversations/conversation.js';
import { recogniseHistory, type HistoryReads, type RecognisedHistory } from './resent-history.js';

const chainOf = (history: readonly StoredMessage[]): string =>
  chainAfter(
    EMPTY_CHAIN,
    history.map(({ message }) => message),
  );

type Told = Omit<RecognisedHistory, 'chain' | 'kept'>;

/**
 * @param recalled how many of the newest messages the request has at hand
 * @param forgotten whether the digest of the history is not known
 */
async function recognise(
  asked: readonly ChatMessage[],
  history: readonly StoredMessage[],
  recalled = history.length,
  forgotten = false,
): Promise<Told> {
  const known = {
    messageCount: history.length,
    chain: forgotten ? undefined : chainOf(history),
    newest: recalled === 0 ? [] : history.slice(-recalled),
  };
  const { chain, kept, ...told } = await recogniseHistory(asked, known, {
    newest: (atMost) => Promise.resolve(history.slice(-atMost)),
    // A page ends early.
    oldest: (afterSeq, atMost) =>
      Promise.resolve(history.filter(({ seq }) => seq > afterSeq).slice(0, Math.min(atMost, 3))),
  });
  const before = keptOf(history, told);
  expect(kept).toBe(before.length);
  const tellsAll = told.recognised === before.length;
  // Of what is not at hand nobody knows the digest; a window that goes back into it makes it be forgotten.
  expect([chainOf(before), ...(tellsAll ? [] : [undefined])]).toContain(chain);
  return told;
}

const keptOf = (history: readonly StoredMessage[], { departsAfterSeq }: Told): readonly StoredMessage[] =>
  history.filter(({ seq }) => departsAfterSeq === undefined || seq <= departsAfterSeq);

const refuse = (): never => {
  throw new Error('read');
};
const NO_READS: HistoryReads = { newest: refuse, oldest: refuse };

const [u1, a1, u2, a2, u3, a3] = [user('1'), says('one'), user('2'), says('two'), user('3'), says('three')];
const THREE = stored([
  [u1, a1],
  [u2, a2],
  [u3, a3],
]);
const next = user('4');

describe('a request whose client', () => {
  it.each<[string, readonly ChatMessage[], Partial<Told>]>([
    ['sends only what is new', [next], { fresh: [next], recognised: 0 }],
    ['says again what it said first', [u1], { fresh: [u1], recognised: 0 }],
    ['sends all again', [u1, a1, u2, a2, u3, a3, next], { fresh: [next], recognised: 6 }],
    ['sends all again and nothing else', [u1, a1, u2, a2, u3, a3], { fresh: [], recognised: 6 }],
    ['keeps a window', [u2, a2, u3, a3, next], { fresh: [next], recognised: 4 }],
    ['keeps a window that begins with an answer', [a3, next], { fresh: [next], recognised: 1 }],
    ['keeps a window that nothing is added to', [u3, a3], { fresh: [], recognised: 2 }],
    ['wants another answer', [u1, a1, u2, a2, u3], { fresh: [u3], recognised: 4, departsAfterSeq: 4 }],
    [
      'changed its last question',
      [u1, a1, u2, a2, next],
      { fresh: [next], recognised: 4, departsAfterSeq: 4 },
    ],
    [
      'changed an answer',
      [u1, a1, u2, says('TWO'), u3],
      { fresh: [u2, says('TWO'), u3], departsAfterSeq: 2 },
    ],
    ['went back two turns', [u1, a1, next], { fresh: [next], recognised: 2, departsAfterSeq: 2 }],
    ['went back to an answer', [u1, a1], { fresh: [], recognised: 2, departsAfterSeq: 2 }],
    [
      'changed the first answer',
      [u1, says('ONE'), u2],
      { fresh: [u1, says('ONE'), u2], recognised: 0, departsAfterSeq: 0 },
    ],
    ['tells another history', [next, a1, u2], { fresh: [next, a1, u2], recognised: 0 }],
    [
      'keeps a window and wants another answer',
      [u2, a2, u3],
      { fresh: [u3], recognised: 2, departsAfterSeq: 4 },
    ],
    [
      'keeps a window and changed its last question',
      [u2, a2, next],
      { fresh: [next], recognised: 2, departsAfterSeq: 4 },
    ],
    [
      'keeps a window and sends an answer without its thoughts',
      [u2, a2, u3, says('3'), next],
      { fresh: [u3, says('3'), next], recognised: 2, departsAfterSeq: 4 },
    ],
    [
      'changed its first question and kept the answers',
      [user('1!'), a1, u2, a2, u3, a3, next],
      { fresh: [user('1!'), a1, u2, a2, u3, a3, next], recognised: 0, departsAfterSeq: 0 },
    ],
    [
      'greets before all',
      [says('Welcome!'), u1, a1, u2, a2, u3, a3, next],
      { fresh: [says('Welcome!'), u1, a1, u2, a2, u3, a3, next], recognised: 0, departsAfterSeq: 0 },
    ],
    ['tells another question before a known answer', [user('9'), a3, next], { recognised: 0 }],
  ])('%s', async (_habit, asked, expected) => {
    const complete = { departsAfterSeq: undefined, ...expected };
    for (const recalled of [6, 5, 4, 1]) {
      for (const forgotten of [false, true])
        await expect(recognise(asked, THREE, recalled, forgotten)).resolves.toMatchObject(complete);
    }
  });

  it('begins a conversation with examples: all of them are new', async () => {
    const asked = [u1, a1, next];
    await expect(recognise(asked, [])).resolves.toEqual({
      fresh: asked,
      recognised: 0,
      departsAfterSeq: undefined,
    });
  });

  it('answers a call: its assistant message, sent again, is no new one', async () => {
    const history = stored([
      [u1, a1],
      [u2, calls('a', 'b')],
    ]);
    const answers = [result('a'), result('b')];
    await expect(recognise([calls('a', 'b'), ...answers], history)).resolves.toMatchObject({
      fresh: answers,
      recognised: 1,
    });
    await expect(recognise([u1, a1, u2, calls('a', 'b'), ...answers], history)).resolves.toMatchObject({
      fresh: answers,
      recognised: 4,
    });
  });

  it('wants another answer to a tool: the turn of the tool is answered anew', async () => {
    const history = stored([
      [u1, calls('a')],
      [result('a'), a1],
    ]);
    await expect(recognise([u1, calls('a'), result('a')], history)).resolves.toEqual({
      fresh: [result('a')],
      recognised: 2,
      departsAfterSeq: 2,
    });
  });

  it('goes back into the middle of a turn: the turn departs as a whole', async () => {
    const history = stored([
      [u1, a1],
      [u2, a2, u3, a3],
    ]);
    await expect(recognise([u1, a1, u2, a2, next], history)).resolves.toEqual({
      fresh: [u2, a2, next],
      recognised: 2,
      departsAfterSeq: 2,
    });
  });

  it('sends all again after a message was deleted: its version stands', async () => {
    const gap = THREE.filter(({ seq }) => seq !== 4);
    await expect(recognise([u1, a1, u2, a2, u3, a3, next], gap)).resolves.toMatchObject({
      fresh: [a2, u3, a3, next],
      departsAfterSeq: 3,
    });
    await expect(recognise([u1, a1, u2, u3, a3, next], gap, 2, true)).resolves.toMatchObject({
      fresh: [next],
      recognised: 5,
    });
  });

  it('keeps a window of a conversation that repeats itself: nothing is deleted', async () => {
    const on = user('go on');
    const history = stored([
      [on, a1],
      [on, a2],
      [on, a3],
    ]);
    await expect(recognise([on, a3, on], history, 2)).resolves.toEqual({
      fresh: [on],
      recognised: 2,
      departsAfterSeq: undefined,
    });
  });

  it('keeps a window that is longer than what is at hand: nothing doubles', async () => {
    const window = Array.from({ length: 50 }, (_, n) => [user(`q${n}`), says(`a${n}`)]);
    const history = stored([[u1, a1], [u2, a2], ...window]);
    const asked = [...window.flat(), next];
    for (const recalled of [1, 64, 99, 100, 104]) {
      await expect(recognise(asked, history, recalled)).resolves.toEqual({
        fresh: [next],
        recognised: 100,
        departsAfterSeq: undefined,
      });
    }
  });

  it('sends only what is new costs no look at what is stored', async () => {
    const known = { messageCount: 6, chain: chainOf(THREE), newest: THREE };
    await expect(recogniseHistory([next], known, NO_READS)).resolves.toMatchObject({ fresh: [next] });
    await expect(
      recogniseHistory([...THREE.map(({ message }) => message), next], known, NO_READS),
    ).resolves.toMatchObject({ fresh: [next] });
  });
});

const word = fc.constantFrom('a', 'b', 'c');
const turn = fc
  .tuple(fc.array(word.map(user), { minLength: 1, maxLength: 2 }), word.map(says))
  .map(([questions, answer]) => [...questions, answer]);
const conversation = fc.array(turn, { minLength: 1, maxLength: 8 });

/** The conversation as it is stored after the request was answered. */
function after(history: readonly StoredMessage[], told: Told): ChatMessage[] {
  return [...keptOf(history, told).map(({ message }) => message), ...told.fresh];
}

const turnAt = (history: readonly StoredMessage[], seq: number): number | undefined => history[seq - 1]?.turn;

const same = (a: readonly ChatMessage[], b: readonly ChatMessage[]): boolean =>
  a.length === b.length && a.every((message, i) => digestOf(message) === digestOf(b[i]!));

describe('what is stored of any conversation', () => {
  it('is what a client shows that sends all again, and grows by what it adds', async () => {
    await fc.assert(
      fc.asyncProperty(
        conversation,
        fc.array(word.map(user), { maxLength: 3 }),
        fc.nat(),
        async (turns, added, n) => {
          const history = stored(turns);
          const asked = [...turns.flat(), ...added];
          const recognised = await recognise(asked, history, n % (history.length + 1), n % 2 === 0);
          expect(recognised).toEqual({
            fresh: added,
            recognised: history.length,
            departsAfterSeq: undefined,
          });
        },
      ),
    );
  });

  it('is what a client shows that went back: to the same turns, whole, or to a repetition of its newest ones', async () => {
    await fc.assert(
      fc.asyncProperty(conversation, conversation, fc.nat(), fc.nat(), async (turns, others, keep, n) => {
        const history = stored(turns);
        const kept = turns.flat().slice(0, 1 + (keep % history.length));
        const asked = [...kept, ...others.flat(), user('new')];
        const recognised = await recognise(asked, history, n % (history.length + 1));
        const then = after(history, recognised);
        expect(same(then.slice(-asked.length), asked)).toBe(true);
        const { departsAfterSeq } = recognised;
        const departs = departsAfterSeq !== undefined;
        // All that it shows, or after what was before a window of it.
        expect(then.length).toBeGreaterThanOrEqual(departs ? asked.length : history.length);
        expect(then).toHaveLength(keptOf(history, recognised).length + recognised.fresh.length);
        expect(departs && turnAt(history, departsAfterSeq) === turnAt(history, departsAfterSeq + 1)).toBe(
          false,
        );
        expect([...asked.slice(0, recognised.recognised), ...recognised.fresh]).toEqual(asked);
      }),
    );
  });

  it('is found again in eight thousand messages that repeat themselves', async () => {
    const turns = Array.from({ length: 4_000 }, () => [user('a'), says('a')]);
    const asked = [...turns.flat().slice(0, -1), user('b')];
    const { recognised, departsAfterSeq, fresh } = await recognise(asked, stored(turns));
    expect({ recognised, departsAfterSeq }).toEqual({ recognised: 7_998, departsAfterSeq: 7_998 });
    expect(fresh).toEqual([user('a'), user('b')]);
  });
});
