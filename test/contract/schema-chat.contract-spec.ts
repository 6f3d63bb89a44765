import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer, wireUsage } from '../support/fake-upstream-wire.js';
import { SURFACES } from '../support/wire-surfaces.js';
import { ContractHarness, FAKE } from './harness.js';
import {
  CALLS_LEGACY_FUNCTION,
  HELLO,
  PERSON_FORMAT,
  TWO_CALLS,
  WEATHER_QUESTION,
  WEATHER_TOOL,
} from './samples.js';
import { chatCompletionSchema } from './schemas/chat-completion.js';
import { expectToMatchSchema } from './schemas/json-schema.js';
import { expectUsageToAddUp } from './schemas/usage.js';

interface Answer {
  readonly choices: readonly { readonly finish_reason: string; readonly message: Record<string, unknown> }[];
  readonly usage: unknown;
}

let harness: ContractHarness;
beforeAll(async () => {
  harness = await ContractHarness.start();
});
afterEach(() => harness.reset());
afterAll(() => harness.close());

const CASES = { W: 1, Q: 58, L: 73 } as const;

describe.each(SURFACES.map((surface) => ({ ...surface, number: CASES[surface.name] })))(
  'case $number: every chat answer on $chat has exactly the fields of its surface',
  (surface) => {
    async function answerTo(body: Record<string, unknown>): Promise<Answer> {
      const response = await harness.tollgate.post(surface.chat, { messages: HELLO, ...body });
      expect(response.status).toBe(200);
      const answer = (await response.json()) as Answer;
      expectToMatchSchema(answer, chatCompletionSchema(surface.name, String(body['model'])));
      expectUsageToAddUp(answer.usage);
      return answer;
    }

    it.each([
      ['plain', { model: 'sandbox/chat' }, 'stop'],
      ['cut by its length', { model: 'sandbox/chat', max_tokens: 3 }, 'length'],
      ['with two choices', { model: 'sandbox/chat', n: 2 }, 'stop'],
      ['with log probabilities', { model: 'sandbox/chat', logprobs: true, top_logprobs: 2 }, 'stop'],
      ['of a JSON schema', { model: 'sandbox/chat', response_format: PERSON_FORMAT }, 'stop'],
      ['with reasoning', { model: 'sandbox/reasoner' }, 'stop'],
      ['empty', { model: 'sandbox/empty' }, 'stop'],
      ['without usage from upstream', { model: 'sandbox/no-usage' }, 'stop'],
      [
        'calling a tool',
        { model: 'sandbox/chat', messages: WEATHER_QUESTION, tools: [WEATHER_TOOL] },
        'tool_calls',
      ],
    ])('%s', async (_kind, body, finish_reason) => {
      const { choices } = await answerTo(body);
      for (const choice of choices) expect(choice.finish_reason).toBe(finish_reason);
    });

    it('withheld', async () => {
      const [choice] = (await answerTo({ model: 'sandbox/refusal' })).choices;
      expect(choice?.finish_reason).toBe(surface.name === 'W' ? 'stop' : 'content_filter');
      expect(choice?.message['refusal']).toMatch(/\w/);
    });

    it('calling a legacy function', async () => {
      const [choice] = (await answerTo({ model: 'sandbox/chat', ...CALLS_LEGACY_FUNCTION })).choices;
      expect(choice?.finish_reason).toBe(surface.name === 'W' ? 'tool_calls' : 'function_call');
      expect(choice?.message['function_call']).toBeDefined();
    });

    it('case 54, 85: two calls at once', async () => {
      harness.upstream.otherwise(json(chatAnswer({ toolCalls: TWO_CALLS })));
      const [choice] = (await answerTo({ model: FAKE, tools: [WEATHER_TOOL] })).choices;
      expect(choice?.message['content']).toBe(surface.name === 'Q' ? null : '');
      expect(choice?.message['tool_calls']).toHaveLength(2);
    });

    it('what a vendor adds of its own stays behind', async () => {
      const answer = chatAnswer({ usage: { ...wireUsage(), cost: 1, queue_time: 0.2 } });
      const [choice] = answer['choices'] as Record<string, unknown>[];
      Object.assign(choice!, {
        native_finish_reason: 'STOP',
        message: { ...(choice!['message'] as object), secret: 1 },
      });
      harness.upstream.otherwise(
        json({ ...answer, provider: 'Vendor', x_groq: {}, prompt_filter_results: [] }),
      );
      expect((await answerTo({ model: FAKE })).choices).toHaveLength(1);
    });
  },
);
