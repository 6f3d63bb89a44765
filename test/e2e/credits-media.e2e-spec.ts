import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AiSdkHarness } from '../support/ai-sdk-harness.js';
import { ANTHROPIC_KEY, anthropicMessage } from '../support/fake-anthropic.js';
import { GEMINI_KEY, geminiCandidate } from '../support/fake-gemini.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { file, image, pdf, png, sound, wav } from '../support/media.js';
import { payingKey } from '../support/paying-key.js';
import { Tollgate } from '../support/tollgate.js';

/** What a liar says that a prompt had. */
const ANYTHING = 10_000_000;

/** 9 USD a million: 50,000 tokens are 90 credits. */
const PRICING = 'pricing: { prompt: "0.000009", completion: "0.000009" }';

const yaml = (openai: string, anthropic: string, google: string) => `
upstreams:
  main: { protocol: openai, base_url: '${openai}' }
  claude: { protocol: anthropic, base_url: '${anthropic}', api_key: '\${CLAUDE_KEY}' }
  gemini: { protocol: google, base_url: '${google}', api_key: '\${GEMINI_KEY}' }
models:
  - { id: test/model, ${PRICING}, routes: [ { upstream: main, model: some-model } ] }
  - { id: test/gpt, ${PRICING}, routes: [ { upstream: main, model: gpt-4o } ] }
  - { id: test/mini, ${PRICING}, routes: [ { upstream: main, model: gpt-4o-mini } ] }
  - { id: test/claude, ${PRICING}, routes: [ { upstream: claude, model: claude-sonnet-4-5 } ] }
  - { id: test/gemini, ${PRICING}, routes: [ { upstream: gemini, model: gemini-2.5-flash } ] }
`;

const PARTS = {
  'a thumbnail': image(png(64, 64)),
  'a large picture': image(png(4_000, 3_000, 400_000)),
  'a picture that lies': image(png(1, 1, 700_000)),
  'a PDF': file(pdf(5)),
  'a packed PDF': file(pdf(5, true)),
};

describe('the hold of a request with files, pictures and sounds', () => {
  const vendors = new AiSdkHarness();
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    await vendors.start();
    tollgate = await Tollgate.start({
      yaml: yaml(upstream.baseUrl, vendors.anthropic.baseUrl, vendors.gemini.baseUrl),
      env: { CLAUDE_KEY: ANTHROPIC_KEY, GEMINI_KEY },
    });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
    await vendors.stop();
  });
  beforeEach(() => {
    upstream.clear();
    vendors.reset();
  });
  afterEach(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  /** Each vendor reports as much as it likes. */
  function lie(streamed: boolean): void {
    const usage = wireUsage(ANYTHING, 5);
    upstream.otherwise(streamed ? sse(chatChunks('Hello', { usage })) : json(chatAnswer({ usage })));
    vendors.anthropic.next(anthropicMessage({ usage: { input_tokens: ANYTHING, output_tokens: 5 } }));
    const usageMetadata = { promptTokenCount: ANYTHING, candidatesTokenCount: 5 };
    vendors.gemini.next(geminiCandidate({ usageMetadata }));
  }

  async function asker(hundredths: number) {
    const { headers, balance } = await payingKey(tollgate, hundredths);
    return {
      balance,
      ask: (model: string, parts: object[], fields: object = {}) =>
        tollgate.post(
          '/v1/chat/completions',
          {
            model,
            max_tokens: 16,
            messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, ...parts] }],
            ...fields,
          },
          headers,
        ),
    };
  }

  async function storyOf(response: Response) {
    const story = await tollgate.get(`/v1/requests/${response.headers.get('x-request-id')}`);
    return (await story.json()) as {
      credits: number;
      usage: { prompt_tokens: number; usage_source: string };
      hold: { events: { event: string; amount: number }[] };
    };
  }

  const CASES = ['test/model', 'test/gpt', 'test/mini', 'test/claude', 'test/gemini'].flatMap((model) =>
    Object.entries(PARTS).flatMap(([what, part]) =>
      [false, true].map((stream) => ({ model, what, part, stream })),
    ),
  );
  it.each(CASES)(
    'covers $what at $model, streamed: $stream, whatever is reported',
    async ({ model, part, stream }) => {
      lie(stream);
      const response = await tollgate.post('/v1/chat/completions', {
        model,
        max_tokens: 16,
        stream,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, part] }],
      });
      expect(response.status).toBe(200);
      await response.text();
      const story = await storyOf(response);
      expect(story.usage.usage_source).toBe('estimated');
      expect(story.hold.events[0]?.event).toBe('opened');
      expect(story.credits).toBeLessThanOrEqual(story.hold.events[0]!.amount);
      expect(story.hold.events.map(({ event }) => event)).toEqual(['opened', 'settled']);
    },
  );

  it.each([
    ['sounds', { parts: [sound(wav(30)), sound(wav(1))], model: 'test/model' }],
    [
      'URLs',
      {
        parts: [image('https://example.com/a.png'), image('https://example.com/b.png', 'low')],
        model: 'test/gpt',
      },
    ],
    ['files by id', { parts: [{ type: 'file', file: { file_id: 'file-1' } }], model: 'test/gpt' }],
    ['n choices', { parts: [image(png(640, 480))], model: 'test/gpt', n: 5 }],
  ])('covers %s', async (_what, { parts, model, ...fields }) => {
    lie(false);
    const key = await asker(1_000_000);
    const response = await key.ask(model, parts, fields);
    expect(response.status).toBe(200);
    const bill = (await tollgate.usageOf(response))!;
    expect(bill.usageSource).toBe('estimated');
    const refused = await (await asker(Number(bill.creditHundredths) - 1)).ask(model, parts, fields);
    expect(refused.status).toBe(429);
  });

  it.each([false, true])(
    'lets no parallel requests have more than there is (streamed: %s)',
    async (stream) => {
      lie(stream);
      const key = await asker(2_000);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          key.ask('test/model', [image(png(4_000, 3_000, 400_000))], { stream }),
        ),
      );
      for (const answer of answers) await answer.text();
      const given = answers.filter(({ status }) => status === 200);
      expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true);
      let worth = 0n;
      for (const answer of given) worth += (await tollgate.usageOf(answer))!.creditHundredths;
      expect(await key.balance()).toBe(2_000n - worth);
      // Of 16,384 tokens each, which nobody can pay once out of 20 credits.
      expect(given).toHaveLength(0);
      lie(stream);
      const small = await Promise.all(
        Array.from({ length: 8 }, () => key.ask('test/gpt', [image(png(1_024, 1_024))], { stream })),
      );
      for (const answer of small) await answer.text();
      const served = small.filter(({ status }) => status === 200);
      expect(served.length).toBeGreaterThan(3);
      for (const answer of served) expect((await tollgate.usageOf(answer))?.promptTokens).toBeLessThan(1_400);
      expect(await key.balance()).toBeGreaterThanOrEqual(0n);
    },
  );

  it('leaves an ordinary picture affordable, and true reports as they are', async () => {
    const key = await asker(500);
    upstream.enqueue(json(chatAnswer({ usage: wireUsage(765 + 14, 10) })));
    const answer = await key.ask('test/gpt', [image(png(1_024, 1_024))]);
    expect(answer.status).toBe(200);
    expect(await tollgate.usageOf(answer)).toMatchObject({ promptTokens: 779, usageSource: 'upstream' });
  });

  it('covers pictures that were said earlier in a conversation', async () => {
    lie(false);
    const opened = await tollgate.post('/v1/conversations', {
      items: [
        { role: 'user', content: [image(png(4_000, 3_000, 400_000))] },
        { role: 'assistant', content: 'I see.' },
      ],
    });
    const { id } = (await opened.json()) as { id: string };
    const response = await tollgate.post('/v1/chat/completions', {
      model: 'test/model',
      max_tokens: 16,
      conversation_id: id,
      messages: [{ role: 'user', content: 'Which was it?' }],
    });
    expect(response.status).toBe(200);
    const story = await storyOf(response);
    expect(story.usage.prompt_tokens).toBeGreaterThan(143 * 108);
    expect(story.hold.events[0]!.amount).toBeGreaterThanOrEqual(story.credits);
  });
});
