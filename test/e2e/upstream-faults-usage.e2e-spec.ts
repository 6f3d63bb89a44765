import { describe, expect, it } from '@jest/globals';
import { billOf, expectNothingOpen } from '../support/aftermath.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { useWireApp } from '../support/wire-app.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, SURFACES, type WireSurface } from '../support/wire-surfaces.js';

interface Counts {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** By our own count: "hi" in a message before a reply, and "Hello there!". */
const COUNTED: Counts = { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 };

describe('what an upstream says that it used', () => {
  const app = useWireApp();

  /** Asks whole and streamed; both must say and charge the same. */
  async function usageOf(
    surface: WireSurface,
    reported: unknown,
    body: Record<string, unknown> = {},
  ): Promise<{ said: Counts; source: string; creditHundredths: bigint }[]> {
    app.upstream.enqueue(
      json(chatAnswer({ usage: reported })),
      sse(chatChunks(undefined, { usage: reported })),
    );
    const whole = await app.tollgate.post(surface.chat, chatBody(body));
    expect(whole.status).toBe(200);
    const { usage } = (await whole.json()) as { usage: Counts };
    const options = { stream: true, stream_options: { include_usage: true } };
    const streamed = await app.tollgate.post(surface.chat, chatBody({ ...body, ...options }));
    const { chunks } = await readStream(streamed);
    return Promise.all(
      [
        { said: usage, response: whole },
        { said: chunks.at(-1)?.usage as unknown as Counts, response: streamed },
      ].map(async ({ said, response }) => {
        const bill = await billOf(app, response);
        // I4, I5: what is said is what is charged, and the total is the sum.
        expect([bill.promptTokens, bill.completionTokens]).toEqual([
          said.prompt_tokens,
          said.completion_tokens,
        ]);
        expect(said.total_tokens).toBe(said.prompt_tokens + said.completion_tokens);
        expect(bill.outcome).toBe('completed');
        return { said, source: bill.usageSource, creditHundredths: bill.creditHundredths };
      }),
    );
  }

  it.each(SURFACES)('is believed where it can be true ($name)', async (surface) => {
    for (const { said, source, creditHundredths } of await usageOf(surface, wireUsage(22, 495)))
      expect({ said, source, creditHundredths }).toMatchObject({
        said: { prompt_tokens: 22, completion_tokens: 495, total_tokens: 517 },
        source: 'upstream',
        creditHundredths: 25n,
      });
    await expectNothingOpen(app);
  });

  it.each(SURFACES)('U13: is counted where there is none ($name)', async (surface) => {
    for (const { said, source } of await usageOf(surface, null)) {
      expect(said).toMatchObject(COUNTED);
      expect(source).toBe('counted');
    }
    await expectNothingOpen(app);
  });

  it('U13: is an estimate where there is none and an image was sent', async () => {
    const content = [
      { type: 'text', text: 'hi' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
    ];
    const [surface] = SURFACES;
    for (const { said, source } of await usageOf(surface!, null, { messages: [{ role: 'user', content }] })) {
      expect(said.prompt_tokens).toBeGreaterThan(100);
      expect(source).toBe('estimated');
    }
  });

  it.each([
    ['negative', wireUsage(-9, -3)],
    ['one negative', wireUsage(9, -3)],
    ['NaN', { prompt_tokens: Number.NaN, completion_tokens: 3 }],
    ['astronomic', { prompt_tokens: 1e18, completion_tokens: 1e18 }],
    ['broken', { prompt_tokens: 9.5, completion_tokens: 3 }],
    ['text', { prompt_tokens: '9', completion_tokens: '3' }],
    ['half', { prompt_tokens: 9 }],
    ['empty', {}],
    ['a number', 12],
    ['a list', [9, 3]],
  ])('U14: is replaced by our own count where it is %s, and flagged', async (_what, reported) => {
    for (const surface of SURFACES)
      for (const { said, source } of await usageOf(surface, reported)) {
        expect(said).toMatchObject(COUNTED);
        expect(source).toBe('estimated');
      }
  });

  it.each(SURFACES)(
    'U14: is cut to what was asked for where it is more, and flagged ($name)',
    async (surface) => {
      const answers = await usageOf(surface, wireUsage(9, 1_000_000_000), { max_tokens: 20 });
      for (const { said, source, creditHundredths } of answers) {
        expect(said).toMatchObject({ prompt_tokens: 9, completion_tokens: 20 });
        expect(source).toBe('estimated');
        expect(creditHundredths).toBe(2n);
      }
    },
  );

  it('U14: never makes a prompt longer than its text can be', async () => {
    const [surface] = SURFACES;
    for (const { said, source } of await usageOf(surface!, wireUsage(1_000_000_000, 3))) {
      expect(said.prompt_tokens).toBeLessThan(10_000);
      expect(source).toBe('estimated');
    }
  });

  it('believes no detail that is larger than what it is a part of', async () => {
    const [surface] = SURFACES;
    const reported = {
      ...wireUsage(100, 10),
      prompt_tokens_details: { cached_tokens: 1_000 },
      completion_tokens_details: { reasoning_tokens: 99 },
    };
    for (const { said } of await usageOf(surface!, reported))
      expect(said).toMatchObject({
        prompt_tokens_details: { cached_tokens: 100 },
        completion_tokens_details: { reasoning_tokens: 10 },
      });
  });
});

describe('running totals', () => {
  const app = useWireApp();

  it('of a stream that breaks off are no less than what was relayed', async () => {
    const chunks = chatChunks(['one ', 'two ', 'three ', 'four'], { usage: null }).slice(0, -1);
    const counted = chunks.map((chunk, n) => (n === 2 ? { ...chunk, usage: wireUsage(50, 1) } : chunk));
    app.upstream.enqueue(sse(counted, { done: false, ending: 'reset' }));
    const response = await app.tollgate.post('/v1/chat/completions', chatBody({ stream: true }));
    await response.text();
    expect(await billOf(app, response)).toMatchObject({
      outcome: 'upstream_failed',
      promptTokens: 50,
      completionTokens: 4,
      usageSource: 'estimated',
    });
  });
});
