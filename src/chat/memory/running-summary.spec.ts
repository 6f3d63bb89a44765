import { describe, expect, it } from '@jest/globals';
import { says, stored, user } from '../../../test/support/histories.js';
import { TokenCounter } from '../../billing/token-counter.js';
import type { Summary } from '../../conversations/conversation.js';
import { measureChat } from '../../inference/prompt.js';
import { fitMemory } from './fit-memory.js';
import { summaryRequest } from './summary-request.js';
import { summaryTokens } from './summary-message.js';
import { TokenTally } from './token-tally.js';

const ALLOWED = 4_096;
const TURNS = 100;

describe('a conversation of a hundred turns with a running summary', () => {
  it('forgets nothing, stays within 4k tokens, and is summarised once in many turns', async () => {
    const tally = new TokenTally(new TokenCounter());
    const all = stored(
      Array.from({ length: TURNS }, (_, i) => [
        user(`Question ${i}? `.repeat(20)),
        says(`Answer ${i}. `.repeat(40)),
      ]),
    );
    const fresh = [user('And now?')];
    let summary: Summary | undefined;
    let folds = 0;
    let longestRequest = 0;
    for (let turn = 1; turn <= TURNS; turn += 1) {
      const since = summary?.throughSeq ?? 0;
      const ask = {
        policy: { kind: 'summary' },
        complete: true,
        prompt: measureChat({ model: 'm', messages: [{ role: 'system', content: 'Be brief.' }, ...fresh] }),
        fresh,
        budget: { tokens: ALLOWED, withWholeAnswer: ALLOWED, underWay: ALLOWED, most: ALLOWED },
      } as const;
      const history = all.slice(since, turn * 2);
      let memory = await fitMemory({ ...ask, stored: history, summary }, tally);
      const { toSummarise = [] } = memory;
      if (toSummarise.length > 0) {
        folds += 1;
        const maxTokens = summaryTokens(ALLOWED);
        const request = summaryRequest({
          model: 'm',
          previous: summary?.text,
          messages: toSummarise.map(({ message }) => message),
          promptTokens: ALLOWED,
          maxTokens,
          reasons: false,
        });
        longestRequest = Math.max(longestRequest, await tally.ofPrompt(measureChat(request)));
        summary = {
          text: 'so '.repeat(maxTokens - 1),
          throughSeq: toSummarise.at(-1)!.seq,
          messages: (summary?.messages ?? 0) + toSummarise.length,
        };
        const rest = history.slice(toSummarise.length);
        memory = await fitMemory({ ...ask, stored: rest, summary }, tally);
      }
      expect(memory).toMatchObject({ toSummarise: undefined });
      expect(memory.sent + memory.summarised).toBe(turn * 2);
      expect(memory.promptTokensAtMost).toBeLessThanOrEqual(ALLOWED);
    }
    expect(longestRequest).toBeLessThanOrEqual(ALLOWED);
    expect(folds).toBeGreaterThan(1);
    expect(folds).toBeLessThanOrEqual(TURNS / 5);
  });
});
