import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { calls, result, says, stored, user } from '../../../test/support/histories.js';
import { TokenCounter } from '../../billing/token-counter.js';
import type { MemoryPolicy } from '../../common/memory-policy.js';
import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import type { Issue } from '../../contracts/validation/issue.js';
import { checkToolOrder } from '../../contracts/validation/tool-order.js';
import type { StoredMessage, Summary } from '../../conversations/conversation.js';
import { measureChat, uncountedPromptTokens } from '../../inference/prompt.js';
import { fitMemory, type FittedMemory, type MemoryDemand } from './fit-memory.js';
import { PromptTooLongError } from './memory.errors.js';
import { promptBudget, type PromptBudget } from './prompt-budget.js';
import { SUMMARY_FRAME_TOKENS, summaryMessage, summaryTokens } from './summary-message.js';
import { TokenTally } from './token-tally.js';

const counter = new TokenCounter();
const tally = new TokenTally(counter);
const system: ChatMessage = { role: 'system', content: 'You are brief.' };

const tokens = (count: number): PromptBudget => ({
  tokens: count,
  withWholeAnswer: count,
  underWay: count,
  most: count,
});

interface Ask {
  policy?: MemoryPolicy;
  history?: readonly StoredMessage[];
  summary?: Summary;
  fresh?: readonly ChatMessage[];
  budget?: PromptBudget | undefined;
  complete?: boolean;
}

function demand({
  policy,
  history,
  summary,
  fresh = [user('next')],
  budget,
  complete = true,
}: Ask): MemoryDemand {
  return {
    policy: policy ?? { kind: 'window' },
    stored: history ?? [],
    complete,
    summary,
    prompt: measureChat({ model: 'm', messages: [system, ...fresh] }),
    fresh,
    budget,
  };
}

/** Not shared by messages of other histories, whose ids are the same here. */
const fit = (ask: Ask): Promise<FittedMemory> => fitMemory(demand(ask), new TokenTally(counter));

const NOTHING = { summary: undefined, messages: [] };
const budgetOf = (contextLength: number, policyMaxTokens?: number): PromptBudget =>
  promptBudget({ contextLength, maxTokens: 4_096, policyMaxTokens })!;

/** As the pipeline would count it. */
async function countSent(
  memory: Pick<FittedMemory, 'summary' | 'messages'>,
  fresh: readonly ChatMessage[] = [user('next')],
): Promise<number> {
  const summary = memory.summary === undefined ? [] : [memory.summary];
  const messages = [system, ...summary, ...memory.messages, ...fresh];
  const prompt = measureChat({ model: 'm', messages });
  return (await counter.count(prompt.texts)) + uncountedPromptTokens(prompt);
}

const sentSeqs = (memory: FittedMemory, history: readonly StoredMessage[]): number[] =>
  memory.messages.map((message) => history.find((each) => each.message === message)!.seq);

const TURNS = 100;
const hundred = stored(
  Array.from({ length: TURNS }, (_, i) => [
    user(`Question ${i}: ${'what about it? '.repeat(5)}`),
    says(`Answer ${i}: ${'it is so and so. '.repeat(10)}`),
  ]),
);

describe('what is sent of a conversation', () => {
  it('is all of it, uncounted, while its bytes fit', async () => {
    const history = hundred.slice(0, 4);
    const refuse = new TokenTally({ count: () => Promise.reject(new Error('counted')) });
    const memory = await fitMemory(demand({ history, budget: tokens(4_096) }), refuse);
    expect(memory).toMatchObject({ sent: 4, summarised: 0, roomForOlder: false });
    expect(memory.promptTokensAtMost).toBeGreaterThanOrEqual(await countSent(memory));
    expect(memory.promptTokensAtMost).toBeLessThanOrEqual(4_096);
  });

  it('is all of it where nobody names a context length', async () => {
    const memory = await fit({ history: hundred });
    expect(memory).toMatchObject({ sent: 2 * TURNS });
  });

  it('is counted where its bytes would leave less for the answer than it may have', async () => {
    const history = hundred.slice(0, 40);
    const budget = promptBudget({ contextLength: 16_384, maxTokens: 12_000, policyMaxTokens: undefined });
    const memory = await fit({ history, budget });
    expect(memory.sent).toBe(40);
    expect(memory.promptTokensAtMost).toBe(await countSent(memory));
  });

  it('is the newest turns that a window of 4k tokens holds, of a hundred', async () => {
    const memory = await fit({ history: hundred, budget: tokens(4_096) });
    const exact = await countSent(memory);
    expect(memory.promptTokensAtMost).toBe(exact);
    expect(exact).toBeLessThanOrEqual(4_096);
    expect(sentSeqs(memory, hundred)).toEqual(
      Array.from({ length: memory.sent }, (_, i) => 2 * TURNS - memory.sent + 1 + i),
    );

    const oneTurnMore = hundred.slice(2 * TURNS - memory.sent - 2);
    const more = await fit({ history: oneTurnMore });
    expect(await countSent(more)).toBeGreaterThan(4_096);
  });

  it('stops growing: every turn of a hundred stays within 4k tokens', async () => {
    for (let turn = 1; turn <= TURNS; turn += 1) {
      const history = hundred.slice(0, turn * 2);
      const memory = await fitMemory(demand({ history, budget: tokens(4_096) }), tally);
      expect(await countSent(memory)).toBeLessThanOrEqual(4_096);
    }
  });

  it('is the last turns, as many as the policy says and the window holds', async () => {
    const policy: MemoryPolicy = { kind: 'turns', turns: 3 };
    const memory = await fit({ policy, history: hundred, budget: tokens(4_096) });
    expect(sentSeqs(memory, hundred)).toEqual([195, 196, 197, 198, 199, 200]);
    const little = await fit({ policy, history: hundred, budget: tokens(150) });
    expect(sentSeqs(little, hundred)).toEqual([199, 200]);
  });

  it('is as many exchanges where they came in one turn', async () => {
    const imported = hundred.map((each) => ({ ...each, turn: 1 }));
    for (const policy of [{ kind: 'turns', turns: 3 }, { kind: 'window' }] as const) {
      const memory = await fit({ policy, history: imported, budget: tokens(4_096) });
      const byTurns = await fit({ policy, history: hundred, budget: tokens(4_096) });
      expect(memory).toEqual(byTurns);
    }
  });

  it('is nothing without a memory', async () => {
    const memory = await fit({ policy: { kind: 'none' }, history: hundred, budget: tokens(4_096) });
    expect(memory).toMatchObject({ messages: [], sent: 0, roomForOlder: false });
  });

  it('has room for what was not read yet, unless the policy has enough', async () => {
    const history = hundred.slice(-10);
    const some: Ask = { history, complete: false, budget: tokens(100_000) };
    await expect(fit(some)).resolves.toMatchObject({ sent: 8, roomForOlder: true });
    await expect(fit({ ...some, complete: true })).resolves.toMatchObject({ sent: 10, roomForOlder: false });
    await expect(fit({ ...some, budget: tokens(300) })).resolves.toMatchObject({ roomForOlder: false });
    await expect(fit({ ...some, policy: { kind: 'turns', turns: 4 } })).resolves.toMatchObject({
      roomForOlder: false,
    });
    await expect(fit({ ...some, policy: { kind: 'turns', turns: 5 } })).resolves.toMatchObject({
      roomForOlder: true,
    });
  });

  it('keeps the call that the new messages answer, whatever the policy', async () => {
    const history = stored([
      [user('a'), says('b')],
      [user('c'), calls('x')],
      [result('x'), calls('y')],
    ]);
    const fresh = [result('y')];
    for (const policy of [{ kind: 'turns', turns: 1 }, { kind: 'window' }, { kind: 'summary' }] as const) {
      const memory = await fit({ policy, history, fresh, budget: tokens(100) });
      expect(sentSeqs(memory, history).slice(-4)).toEqual([3, 4, 5, 6]);
    }
  });

  describe('of calls of tools', () => {
    const steps = Array.from({ length: 40 }, (_, i) => i);
    /** A question, forty calls with results of some fifty tokens, and a last call. */
    const loop = stored([
      [user('a'), says('b')],
      [user('How many?'), calls('call_0')],
      ...steps.map((step) => [result(`call_${step}`, 'word '.repeat(50)), calls(`call_${step + 1}`)]),
    ]);
    const last = loop.length;

    it('keeps the question and the newest, where the new messages answer the last one', async () => {
      for (const policy of [{ kind: 'turns', turns: 1 }, { kind: 'window' }, { kind: 'summary' }] as const) {
        const fresh = [result('call_40')];
        const memory = await fit({ policy, history: loop, fresh, budget: tokens(1_000) });
        const seqs = sentSeqs(memory, loop);
        expect(seqs).toEqual([
          3,
          ...Array.from({ length: seqs.length - 1 }, (_, i) => last + 2 + i - seqs.length),
        ]);
        expect(loop[(seqs[1] ?? 0) - 1]?.message.role).toBe('assistant');
        expect(memory.promptTokensAtMost).toBe(await countSent(memory, fresh));
        expect(memory.promptTokensAtMost).toBeGreaterThan(1_000 - 100);
        expect(memory).toMatchObject({ sent: seqs.length, roomForOlder: false });
      }
    });

    it('keeps the question and the newest, where the user goes on without an answer to the last one', async () => {
      const memory = await fit({ history: loop, budget: tokens(1_000) });
      const seqs = sentSeqs(memory, loop);
      expect(seqs).toEqual([
        3,
        ...Array.from({ length: seqs.length - 1 }, (_, i) => last + 1 + i - seqs.length),
      ]);
      const little = await fit({ history: loop, budget: tokens(60) });
      expect(sentSeqs(little, loop)).toEqual([3]);
    });

    it('reads on until it has the question', async () => {
      const ask = { fresh: [result('call_40')], budget: tokens(1_000) };
      const begun = await fit({ ...ask, history: loop.slice(-64), complete: false });
      expect(begun.roomForOlder).toBe(true);
      const found = await fit({ ...ask, history: loop.slice(1), complete: false });
      expect(found.roomForOlder).toBe(false);
    });
  });

  describe('beside what must be sent', () => {
    const long = user('word '.repeat(950));
    const history = stored([
      [user('a'), says('b')],
      [user('word '.repeat(450)), calls('x')],
      [result('x', 'word '.repeat(450)), calls('y')],
    ]);
    it('is nothing where that takes the room of the answer, or all that the policy gives', async () => {
      const alone = await countSent(NOTHING, [long]);
      expect(alone).toBeGreaterThan(budgetOf(1_024).tokens);
      for (const budget of [budgetOf(1_024), budgetOf(1_024, 100), budgetOf(0, 100)]) {
        const memory = await fit({ history: hundred, fresh: [long], budget });
        expect(memory).toMatchObject({ sent: 0, promptTokensAtMost: alone });
      }
    });

    it('is refused a token beyond the model’s last but one', async () => {
      const { promptTokensAtMost: alone } = await fit({ fresh: [long], budget: budgetOf(1_024) });
      await expect(fit({ fresh: [long], budget: budgetOf(alone + 1) })).resolves.toMatchObject({
        promptTokensAtMost: alone,
      });
      await expect(fit({ fresh: [long], budget: budgetOf(alone) })).rejects.toThrow(
        `leaves ${alone - 1} tokens`,
      );
    });

    it('is the whole exchange under way, whatever the policy gives, while the model has room', async () => {
      const fresh = [result('y')];
      expect(sentSeqs(await fit({ history, fresh, budget: budgetOf(4_096, 100) }), history)).toEqual([
        3, 4, 5, 6,
      ]);
      // Its earlier calls leave the answer its room, the question need not.
      const shortened = await fit({ history, fresh, budget: budgetOf(1_024, 100) });
      expect(sentSeqs(shortened, history)).toEqual([3, 6]);
      const big = stored([[long, calls('y')]]);
      expect(sentSeqs(await fit({ history: big, fresh, budget: budgetOf(1_024, 100) }), big)).toEqual([1, 2]);
    });
  });

  it('is refused where the new messages alone are too long, or with the call that they answer', async () => {
    const long = user('word '.repeat(200));
    await expect(fit({ fresh: [long], budget: tokens(100) })).rejects.toThrow(PromptTooLongError);
    const history = stored([[long, calls('x')]]);
    const answering = fit({ history, fresh: [result('x')], budget: tokens(100) });
    await expect(answering).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    await expect(answering).rejects.toThrow(/maximum context length leaves 100 tokens .* have 2\d\d tokens/);
  });
});

describe('a running summary', () => {
  const policy: MemoryPolicy = { kind: 'summary' };
  const summary: Summary = { text: 'They spoke of so and so.', throughSeq: 20, messages: 20 };

  it('stands before what it does not cover', async () => {
    const memory = await fit({ policy, summary, history: hundred.slice(20, 30), budget: tokens(4_096) });
    expect(memory.summary).toEqual(summaryMessage(summary.text));
    expect(memory).toMatchObject({ sent: 10, summarised: 20, toSummarise: undefined });
  });

  it('is not for other policies', async () => {
    const memory = await fit({ summary, history: hundred.slice(20, 30), budget: tokens(4_096) });
    expect(memory).toMatchObject({ summary: undefined, summarised: 0 });
  });

  it('folds the oldest turns, so that what remains takes less than half of the room', async () => {
    const memory = await fit({ policy, history: hundred, budget: tokens(4_096) });
    const folded = memory.toSummarise!;
    expect(folded).toEqual(hundred.slice(0, folded.length));
    const text = 'x '.repeat(100);
    const then = await fit({
      policy,
      history: hundred.slice(folded.length),
      summary: { text, throughSeq: folded.length, messages: folded.length },
      budget: tokens(4_096),
    });
    expect(then).toMatchObject({
      sent: 200 - folded.length,
      summarised: folded.length,
      toSummarise: undefined,
    });
    const alone = await countSent({ ...then, summary: undefined, messages: [] });
    const raw = (await countSent({ ...then, summary: undefined })) - alone;
    expect(raw).toBeLessThanOrEqual((4_096 - alone) / 2);
    expect(raw).toBeGreaterThan((4_096 - alone) / 4);
  });

  it('drops the oldest turns where it cannot be made', async () => {
    const memory = await fit({ policy, history: hundred, budget: tokens(4_096) });
    expect(memory.messages).toEqual((await fit({ history: hundred, budget: tokens(4_096) })).messages);
  });

  it('leaves the last turn as it is, however long', async () => {
    const history = stored([
      [user('a'), says('b')],
      [user('word '.repeat(5_000)), says('c')],
    ]);
    const memory = await fit({ policy, history, budget: tokens(4_096) });
    expect(memory.toSummarise).toEqual(history.slice(0, 2));
    const last = await fit({ policy, history: history.slice(2), budget: tokens(4_096) });
    expect(last).toMatchObject({ toSummarise: undefined, sent: 0 });
  });

  it('is not made where it would take more room than it gives, and goes where it does not fit', async () => {
    const memory = await fit({ policy, summary, history: hundred, budget: tokens(100) });
    expect(memory.toSummarise).toBeUndefined();
    const tight = await fit({
      policy,
      summary: { ...summary, text: 'so '.repeat(200) },
      budget: tokens(100),
    });
    expect(tight).toMatchObject({ summary: undefined, summarised: 0 });
  });

  it('takes no more tokens than are set aside for it', async () => {
    const text = 'word '.repeat(500);
    const own = await counter.count([text]);
    expect(await tally.ofMessage(summaryMessage(text))).toBeLessThanOrEqual(own + SUMMARY_FRAME_TOKENS);
    expect([undefined, 100, 4_096, 1_000_000].map(summaryTokens)).toEqual([1_024, 64, 512, 1_024]);
  });
});

/**
 * Histories with calls of tools: one after the other, answered in the next turn or never, with messages deleted, and with
 * several exchanges in one turn. `exchangeOf` tells to which each message belongs, while nothing was deleted.
 */
const histories = fc
  .array(
    fc.record({
      words: fc.nat(60),
      rounds: fc.nat(3),
      callCount: fc.integer({ min: 1, max: 2 }),
      answered: fc.boolean(),
      deleted: fc.nat(40),
      joins: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  .map((exchanges) => {
    const turns: ChatMessage[][] = [];
    const deleted = new Set<number>();
    const exchangeOf = new Map<number, number>();
    for (const [i, { words, rounds, callCount, answered, deleted: place, joins }] of exchanges.entries()) {
      const text = `${i} ${'wörd '.repeat(words)}`;
      const idsOf = (round: number) => Array.from({ length: callCount }, (_, n) => `call_${i}_${round}_${n}`);
      const asked = [user(text), rounds === 0 ? says(text) : calls(...idsOf(0))];
      const before = turns.flat().length;
      const last = turns.at(-1)?.at(-1);
      if (joins && last?.role === 'assistant' && last.tool_calls === undefined) turns.at(-1)?.push(...asked);
      else turns.push(asked);
      const answeredRounds = answered ? rounds : rounds - 1;
      for (let round = 0; round < answeredRounds; round += 1) {
        const next = round === rounds - 1 ? says(text) : calls(...idsOf(round + 1));
        turns.push([...idsOf(round).map((id) => result(id, text)), next]);
      }
      const { length } = turns.flat();
      for (let seq = before + 1; seq <= length; seq += 1) exchangeOf.set(seq, i);
      if (place < 3) deleted.add(length - place);
    }
    return {
      exchangeOf,
      intact: deleted.size === 0,
      history: stored(turns).filter(({ seq }) => !deleted.has(seq)),
    };
  });

const policies = fc.oneof(
  fc.constant<MemoryPolicy>({ kind: 'window' }),
  fc.constant<MemoryPolicy>({ kind: 'summary' }),
  fc.integer({ min: 1, max: 10 }).map((turns): MemoryPolicy => ({ kind: 'turns', turns })),
);

/** Answers the open calls of the last message, or asks something else. */
function freshFor(history: readonly StoredMessage[], answers: boolean): ChatMessage[] {
  const open = history.at(-1)?.message.tool_calls;
  return open === undefined || !answers ? [user('next')] : open.map(({ id }) => result(id));
}

async function unlessTooLong(fitting: Promise<FittedMemory>): Promise<FittedMemory | undefined> {
  try {
    return await fitting;
  } catch (error) {
    if (error instanceof PromptTooLongError) return undefined;
    throw error;
  }
}

function toolFault(messages: readonly ChatMessage[]): Issue | undefined {
  let fault: Issue | undefined;
  checkToolOrder(messages, [], (issue) => (fault ??= issue));
  return fault;
}

describe('of any conversation, with any policy and budget', () => {
  const cases = [
    histories,
    policies,
    fc.integer({ min: 60, max: 3_000 }),
    fc.boolean(),
    fc.boolean(),
  ] as const;

  it('whole exchanges are sent, once and in order, the newest that fit by exact count, with no call or result alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...cases,
        async ({ history, exchangeOf, intact }, policy, allowed, answers, complete) => {
          const fresh = freshFor(history, answers);
          const ask: Ask = { history, policy, fresh, budget: tokens(allowed), complete };
          const memory = await unlessTooLong(fit(ask));
          if (memory === undefined) return;
          await expect(fit(ask)).resolves.toEqual(memory);
          const seqs = sentSeqs(memory, history);
          expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
          expect(memory.sent).toBe(seqs.length);
          expect(await countSent(memory, fresh)).toBeLessThanOrEqual(memory.promptTokensAtMost);
          expect(memory.promptTokensAtMost).toBeLessThanOrEqual(allowed);

          expect(toolFault([...memory.messages, ...fresh])).toBeUndefined();
          if (!intact) return;
          // What is dropped is older than what is sent, or could never be sent.
          const all = sentSeqs(await fit({ history, fresh, complete }), history);
          const newest = exchangeOf.get(all.at(-1) ?? 0);
          const older = seqs.filter((seq) => exchangeOf.get(seq) !== newest);
          const olderOfAll = all.filter((seq) => exchangeOf.get(seq) !== newest);
          expect(older).toEqual(olderOfAll.slice(olderOfAll.length - older.length));
          const sentTo = new Set(older.map((seq) => exchangeOf.get(seq)));
          expect(olderOfAll.filter((seq) => sentTo.has(exchangeOf.get(seq)))).toEqual(older);
          // Only the newest is shortened, between its question and its newest calls, and then nothing older is sent.
          const [kept, whole] = [seqs, all].map((each) =>
            each.filter((seq) => exchangeOf.get(seq) === newest),
          );
          if (kept!.length === whole!.length) return;
          expect(older).toEqual([]);
          const [question, ...rest] = kept!;
          expect(question).toBe(question && whole![0]);
          expect(rest).toEqual(whole!.slice(whole!.length - rest.length));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('what is folded and what remains are the conversation, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.integer({ min: 250, max: 3_000 }),
        async ({ history, exchangeOf, intact }, allowed) => {
          const { toSummarise = [] } = await fit({
            history,
            policy: { kind: 'summary' },
            budget: tokens(allowed),
          });
          expect(toSummarise).toEqual(history.slice(0, toSummarise.length));
          const [last, next] = [toSummarise.at(-1), history[toSummarise.length]];
          if (!intact || last === undefined) return;
          expect(exchangeOf.get(next?.seq ?? 0)).not.toBe(exchangeOf.get(last.seq));
        },
      ),
    );
  });

  it('ten thousand messages are counted once', async () => {
    const history = stored(Array.from({ length: 5_000 }, (_, i) => [user(`q ${i}`), says(`a ${i}`)]));
    let counts = 0;
    const once = new TokenTally({
      count(texts) {
        counts += [...texts].length;
        return Promise.resolve(4);
      },
    });
    const memory = await fitMemory(demand({ history, budget: tokens(79_900) }), once);
    expect(memory.sent).toBeGreaterThan(9_900);
    const first = counts;
    expect(first).toBeLessThanOrEqual(10_002);
    await fitMemory(demand({ history, budget: tokens(79_900) }), once);
    expect(counts - first).toBeLessThanOrEqual(4);
  });
});
