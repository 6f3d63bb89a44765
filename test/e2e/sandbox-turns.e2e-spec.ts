import { describe, expect, it } from '@jest/globals';
import { longestTurnMs } from '../support/thread-cpu.js';
import { useWireApp } from '../support/wire-app.js';

/** So long nobody else may be served, by a generous measure; before, these took seconds. */
const STANDSTILL_MS = 500;
const MODEL = 'sandbox/chat';
const words = (count: number) => Array.from({ length: count }, (_, n) => `word${n % 89}`).join(' ');
const user = (content: string) => ({ role: 'user', content });

const ASKED: Readonly<Record<string, readonly [path: string, body: object]>> = {
  '1,024 tools': [
    'chat/completions',
    {
      messages: [user('look every thing house street corner flat garden '.repeat(20))],
      tools: Array.from({ length: 1_024 }, (_, n) => ({
        type: 'function',
        function: { name: `every_thing_house_${n}_street_corner_flat_garden`, description: words(20) },
      })),
    },
  ],
  'many log probabilities': [
    'chat/completions',
    {
      model: 'sandbox/echo',
      messages: [user('x '.repeat(17_000))],
      n: 4,
      logprobs: true,
      top_logprobs: 20,
      stream: true,
    },
  ],
  'a long prompt': ['chat/completions', { messages: [user(words(500_000))] }],
  'many prompts': [
    'completions',
    { prompt: Array.from({ length: 1_000 }, (_, n) => `prompt ${n}`), logprobs: 5 },
  ],
};

describe('a sandbox model', () => {
  const app = useWireApp();

  it.each(Object.keys(ASKED))(
    'serves others while it answers a request with %s',
    async (name) => {
      const [path, body] = ASKED[name]!;
      const asked = { model: MODEL, ...body };
      await (
        await app.tollgate.post(`/v1/${path}`, { model: MODEL, messages: [user('hi')], prompt: 'hi' })
      ).text();
      const bytes = Buffer.from(JSON.stringify(asked));
      let status = 0;
      const longest = await longestTurnMs(async () => {
        const answer = await app.tollgate.post(`/v1/${path}`, bytes, { 'content-type': 'application/json' });
        status = answer.status;
        for await (const piece of answer.body ?? []) void piece;
      });
      expect(status).toBeLessThan(500);
      expect(longest).toBeLessThan(STANDSTILL_MS);
    },
    60_000,
  );
});
