import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import type { MemoryPolicy } from '../../src/common/memory-policy.js';
import type { ConversationContext } from '../../src/contracts/accounts/request-provenance.js';
import { Database } from '../../src/persistence/database.js';
import { askChat } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { json, type Reply, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { messageTokens, promptTokens, type SentMessage } from '../support/prompt-tokens.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

const TURNS = 100;
const PRICING = 'pricing: { prompt: "0.00001", completion: "0.00002" }';
const MODELS = `
  - id: test/small
    context_length: 4096
    max_completion_tokens: 4096
    ${PRICING}
    routes: [ { upstream: main, model: talker } ]
  - id: test/large
    context_length: 1000000
    max_completion_tokens: 4096
    ${PRICING}
    routes: [ { upstream: main, model: talker } ]
  - id: test/scribe
    context_length: 16384
    max_completion_tokens: 4096
    ${PRICING}
    routes: [ { upstream: main, model: scribe } ]
`;

const SYSTEM: SentMessage = { role: 'system', content: 'You are Bot.' };
const questionOf = (turn: number): SentMessage => ({
  role: 'user',
  content: `Question ${turn}: ${'sun '.repeat(20 + ((turn * 37) % 60))}`,
});
const answerTo = (turn: number): SentMessage => ({
  role: 'assistant',
  content: `Answer ${turn}: ${'moon '.repeat(30 + ((turn * 53) % 50))}`,
});

/** One turn of a conversation, and what became of it. */
interface Turn {
  /** From 1. */
  readonly number: number;
  /** What the upstream was sent for it. */
  readonly sent: readonly SentMessage[];
  readonly maxTokens: number;
  readonly tokens: number;
  readonly requestId: string;
  readonly context: ConversationContext;
}

interface Case {
  readonly name: string;
  readonly model: string;
  readonly memory: MemoryPolicy;
  /** The most tokens that a prompt may have. */
  readonly allowed: number;
  /** Of the model. */
  readonly contextLength: number;
}

const SMALL = { model: 'test/small', allowed: 2995, contextLength: 4096 };
const LARGE = { model: 'test/large', allowed: 4096, contextLength: 1_000_000 };
const CASES: readonly Case[] = [
  { name: 'a window of 4k, the model’s', memory: { kind: 'window' }, ...SMALL },
  { name: 'a window of 4k, its own', memory: { kind: 'window', maxTokens: 4096 }, ...LARGE },
  { name: 'its last 5 turns', memory: { kind: 'turns', turns: 5 }, ...SMALL },
  {
    name: 'a summary within 4k, by another model',
    memory: { kind: 'summary', model: 'test/scribe' },
    ...SMALL,
  },
  { name: 'a summary within 4k, by the same model', memory: { kind: 'summary', maxTokens: 4096 }, ...LARGE },
];

describe.each(CASES)('100 turns with $name', ({ model, memory, allowed, contextLength }) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  const turns: Turn[] = [];
  /** What was sent to have summaries written, in order. */
  const summaryRequests: { readonly transcript: string; readonly tokens: number }[] = [];

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    const reply = talker((body) =>
      summaryRequests.push({ transcript: textOf(body), tokens: promptTokens(body) }),
    );
    upstream.on('talker', reply).on('scribe', reply);
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, MODELS) });
    const bot = await newChatbot(tollgate, { model, memory });
    for (let number = 1; number <= TURNS; number += 1) {
      upstream.requests.length = 0;
      const { requestId } = await askChat(tollgate, {
        model: bot,
        conversation_id: 'long',
        // By turns, so that either kind goes on from the other.
        stream: number % 2 === 0,
        messages: [questionOf(number)],
      });
      const body = upstream.requests.at(-1)?.body ?? {};
      const context = (await tollgate.usageOf(requestId))?.context?.conversation;
      turns.push({
        number,
        sent: body['messages'] as SentMessage[],
        maxTokens: Number(body['max_tokens']),
        tokens: promptTokens(body),
        requestId,
        context: context as ConversationContext,
      });
    }
  }, 120_000);
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  /** Turns sent again of those before `turn`, told by the questions in them. */
  const reminded = ({ sent }: Turn) =>
    sent
      .filter((message) => numberOf(message) > 0)
      .slice(0, -1)
      .map(numberOf);
  const keepsAll = memory.kind === 'summary';

  it('sends the system prompt first and the question last, each time', () => {
    expect(turns).toHaveLength(TURNS);
    for (const { number, sent } of turns) {
      expect(sent[0]).toEqual(SYSTEM);
      expect(sent.at(-1)).toEqual(questionOf(number));
    }
  });

  it('stays within the window by exact count, with room for an answer', () => {
    for (const { tokens, maxTokens, context } of turns) {
      expect(tokens).toBeLessThanOrEqual(allowed);
      expect(tokens + maxTokens).toBeLessThanOrEqual(contextLength);
      expect(maxTokens).toBeGreaterThanOrEqual(1024);
      expect(context.prompt_tokens_allowed).toBe(allowed);
      expect(context.prompt_tokens_at_most).toBeGreaterThanOrEqual(tokens);
    }
    expect(turns.at(-1)?.context.prompt_tokens_at_most).toBe(turns.at(-1)?.tokens);
  });

  it('reminds of whole turns, word for word, and of none but the newest', () => {
    for (const turn of turns) {
      const again = turn.sent.slice(keepsAll && turn.context.messages_summarised > 0 ? 2 : 1, -1);
      const first = turn.number - again.length / 2;
      expect(again).toEqual(
        range(first, turn.number - 1).flatMap((number) => [questionOf(number), answerTo(number)]),
      );
    }
  });

  if (memory.kind === 'turns') {
    it('reminds of exactly so many', () => {
      for (const turn of turns) expect(reminded(turn)).toHaveLength(Math.min(memory.turns, turn.number - 1));
    });
  }

  if (memory.kind === 'window') {
    it('drops no turn that would have fitted', () => {
      for (const turn of turns) {
        const [oldest = turn.number] = reminded(turn);
        if (oldest === 1) continue;
        const next = [questionOf(oldest - 1), answerTo(oldest - 1)];
        expect(turn.tokens + next.reduce((sum, message) => sum + messageTokens(message), 0)).toBeGreaterThan(
          allowed,
        );
      }
      expect(reminded(turns.at(-1) as Turn).length).toBeGreaterThan(15);
    });
  }

  it('tells in the story what was sent, dropped and summarised', async () => {
    for (const turn of turns) {
      const stored = (turn.number - 1) * 2;
      const sent = reminded(turn).length * 2;
      expect(turn.context).toMatchObject({
        memory: memory.kind,
        messages_stored: stored,
        messages_sent: sent,
        messages_summarised: keepsAll ? stored - sent : 0,
        messages_dropped: keepsAll ? 0 : stored - sent,
        messages_recognised: 0,
      });
    }
    const { requestId, context } = turns.at(-1) as Turn;
    const story = await (await tollgate.get(`/v1/requests/${requestId}`)).json();
    expect(story).toMatchObject({ conversation: context, summary_for: null });
  });

  it('costs no more a turn from the fortieth to the hundredth', async () => {
    const costs = await costsByTurn();
    const sum = (from: number, to: number) =>
      costs.slice(from - 1, to).reduce((total, cost) => total + Number(cost), 0);
    // Thirty turns may have one summary more than the thirty before; all of the history would cost half as much again.
    expect(sum(71, 100)).toBeLessThanOrEqual(sum(41, 70) * 1.1);
    // It had grown before, or this would say nothing.
    expect(sum(41, 50)).toBeGreaterThan(sum(1, 10) * 1.2);
    expect(await brokenInvariantsOf(tollgate)).toEqual([]);
  });

  if (memory.kind === 'summary') {
    it('forgets nothing: each turn is in one transcript, and each summary in the next', () => {
      expect(summaryRequests.length).toBeGreaterThan(1);
      expect(summaryRequests.length).toBeLessThan(TURNS / 4);
      const oldest = reminded(turns.at(-1) as Turn)[0] as number;
      for (const number of range(1, oldest - 1)) {
        for (const { content } of [questionOf(number), answerTo(number)]) {
          const written = summaryRequests.filter(({ transcript }) =>
            transcript.includes(content?.trim() ?? ''),
          );
          expect(written).toHaveLength(1);
        }
      }
      for (const [index, { transcript }] of summaryRequests.slice(1).entries()) {
        expect(transcript).toContain(summaryText(index));
      }
      for (const { tokens } of summaryRequests) expect(tokens).toBeLessThanOrEqual(16_384);
      const last = turns.at(-1)?.sent[1];
      expect(last).toMatchObject({ role: 'user' });
      expect(last?.content).toContain(summaryText(summaryRequests.length - 1));
    });

    it('pays for each summary by an entry of its own, whose story names the request that it was for', async () => {
      const entries = await db()
        .selectFrom('ledger_entries')
        .select(['request_id', 'type', 'reason', 'amount_hundredths'])
        .where('reason', 'like', 'summary for %')
        .orderBy('created_at_ms')
        .execute();
      expect(entries).toHaveLength(summaryRequests.length);
      for (const { request_id, reason, type, amount_hundredths } of entries) {
        const usage = await tollgate.usageOf(request_id ?? '');
        const requestId = usage?.context?.summary_for ?? '';
        expect(turns.map((turn) => turn.requestId)).toContain(requestId);
        expect({ type, reason }).toEqual({ type: 'settlement', reason: `summary for ${requestId}` });
        expect(usage).toMatchObject({
          model: memory.model ?? model,
          outcome: 'completed',
          creditHundredths: -amount_hundredths,
        });
        const story = await (await tollgate.get(`/v1/requests/${request_id}`)).json();
        expect(story).toMatchObject({ id: request_id, summary_for: requestId, conversation: null });
        expect(JSON.stringify(story)).not.toMatch(/sun|moon/);
      }
    });
  }

  const db = () => tollgate.app.get(Database).kysely;

  /** Hundredths of a credit, summaries included. */
  async function costsByTurn(): Promise<bigint[]> {
    const entries = await db()
      .selectFrom('ledger_entries')
      .select(['request_id', 'amount_hundredths', 'reason'])
      .where('type', '=', 'settlement')
      .execute();
    return turns.map(({ requestId }) =>
      entries
        .filter(({ request_id, reason }) => request_id === requestId || reason === `summary for ${requestId}`)
        .reduce((sum, { amount_hundredths }) => sum - amount_hundredths, 0n),
    );
  }
});

/** An upstream that answers by number, writes summaries by number, and reports what it was sent to the token. */
function talker(onSummary: (body: Record<string, unknown>) => number): Reply {
  return (response, request) => {
    const messages = request.body['messages'] as SentMessage[];
    const summarises = messages[0]?.content?.startsWith('You keep the notes of a conversation') === true;
    const content = summarises
      ? summaryText(onSummary(request.body) - 1)
      : (answerTo(numberOf(messages.at(-1))).content ?? '');
    const usage = wireUsage(promptTokens(request.body), countTokens(content));
    const reply =
      request.body['stream'] === true
        ? sse(chatChunks(content, { usage }))
        : json(chatAnswer({ content, usage }));
    return reply(response, request);
  };
}

const summaryText = (index: number): string => `Notes number ${index}. ${'They talked. '.repeat(60)}`.trim();
const numberOf = (message: SentMessage | undefined): number =>
  Number(/^Question (\d+)/.exec(message?.content ?? '')?.[1]);
const textOf = (body: Record<string, unknown>): string =>
  (body['messages'] as SentMessage[]).map(({ content }) => content).join('\n');

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
