import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { AiSdkHarness } from '../support/ai-sdk-harness.js';
import { newChatbot } from '../support/chatbots.js';
import { ANTHROPIC_KEY } from '../support/fake-anthropic.js';
import { GEMINI_KEY, geminiCandidate } from '../support/fake-gemini.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { image, png, sound, wav } from '../support/media.js';
import { payingKey } from '../support/paying-key.js';
import { Tollgate } from '../support/tollgate.js';
import { SURFACES } from '../support/wire-surfaces.js';

/** A standard token costs a hundredth of a credit, one of the priority tier two, one of flex half a one. */
const PRICES = `
      prompt: "0.00005"
      completion: "0.00005"
      web_search: "0.05"
      audio_prompt: "0.0005"
      audio_completion: "0.001"
      tiers:
        priority: { prompt: "0.0001", completion: "0.0001" }
        flex: { prompt: "0.000025", completion: "0.000025" }`;

const yaml = (openai: string, anthropic: string, google: string) => `
upstreams:
  main: { protocol: openai, base_url: '${openai}' }
  claude: { protocol: anthropic, base_url: '${anthropic}', api_key: '\${CLAUDE_KEY}' }
  gemini: { protocol: google, base_url: '${google}', api_key: '\${GEMINI_KEY}' }
  sandbox: { protocol: sandbox }
models:
  - id: test/tiers
    pricing: ${PRICES}
    routes: [ { upstream: main, model: m } ]
  - id: test/plain
    pricing: { prompt: "0.00005", completion: "0.00005" }
    routes: [ { upstream: main, model: m } ]
  - id: test/claude
    pricing: ${PRICES}
    routes: [ { upstream: claude, model: claude-sonnet-4-5 } ]
  - id: test/gemini
    pricing: ${PRICES}
    routes: [ { upstream: gemini, model: gemini-2.5-flash } ]
  - id: test/sandbox
    pricing: ${PRICES}
    routes: [ { upstream: sandbox, model: echo } ]
`;

interface Story {
  credits: number;
  price: Record<string, string | null>;
  hold: { events: { event: string; amount: number }[] };
}

const asking = (fields: object) => ({
  model: 'test/tiers',
  max_tokens: 50,
  messages: [{ role: 'user', content: 'hi' }],
  ...fields,
});

describe('what changes the price of a request', () => {
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

  const USAGE = wireUsage(100, 20);

  /** The next answer, whole and streamed. @param service_tier that it says it was made in */
  function answers(service_tier?: string, usage: object = USAGE): void {
    const tier = service_tier === undefined ? {} : { service_tier };
    upstream.enqueue(
      json({ ...chatAnswer({ usage }), ...tier }),
      sse(chatChunks('Hello', { usage }).map((chunk) => ({ ...chunk, ...tier }))),
    );
  }

  const ask = (fields: object, headers = {}) =>
    tollgate.post('/v1/chat/completions', asking(fields), headers);

  async function storyOf(response: Response): Promise<Story> {
    const story = await tollgate.get(`/v1/requests/${response.headers.get('x-request-id')}`);
    return (await story.json()) as Story;
  }

  /** Whole, then streamed: stories of both. */
  async function stories(fields: object): Promise<Story[]> {
    const told: Story[] = [];
    for (const stream of [false, true]) {
      const response = await ask({ ...fields, stream });
      expect({ status: response.status, stream, body: await response.text() }).toMatchObject({ status: 200 });
      told.push(await storyOf(response));
    }
    return told;
  }

  const sentTier = (): unknown => upstream.requests.at(-1)?.body['service_tier'];

  it.each([
    { asked: undefined, answered: undefined, sent: 'default', credits: 1.2, tier: null },
    { asked: null, answered: 'default', sent: 'default', credits: 1.2, tier: null },
    { asked: 'auto', answered: 'default', sent: 'default', credits: 1.2, tier: null },
    { asked: 'default', answered: undefined, sent: 'default', credits: 1.2, tier: null },
    // It was not asked for, so it cannot be dearer.
    { asked: 'auto', answered: 'priority', sent: 'default', credits: 1.2, tier: null },
    { asked: 'priority', answered: 'priority', sent: 'priority', credits: 2.4, tier: 'priority' },
    { asked: 'priority', answered: undefined, sent: 'priority', credits: 2.4, tier: 'priority' },
    { asked: 'priority', answered: 'default', sent: 'priority', credits: 1.2, tier: null },
    { asked: 'flex', answered: 'flex', sent: 'flex', credits: 0.6, tier: 'flex' },
    { asked: 'flex', answered: 'default', sent: 'flex', credits: 1.2, tier: null },
  ])('service_tier $asked, answered in $answered, is charged as $tier', async (row) => {
    answers(row.answered);
    for (const story of await stories({ service_tier: row.asked })) {
      expect(sentTier()).toBe(row.sent);
      expect(story.credits).toBe(row.credits);
      expect(story.price['service_tier']).toBe(row.tier);
      expect(story.hold.events[0]!.amount).toBeGreaterThanOrEqual(0.5 * (row.asked === 'priority' ? 2 : 1));
    }
  });

  it('holds by the dearest tier that the answer may be made in', async () => {
    const held: number[] = [];
    for (const service_tier of ['default', 'priority', 'flex']) {
      answers('default');
      held.push((await stories({ service_tier }))[0]!.hold.events[0]!.amount);
    }
    expect(held[1]).toBeCloseTo(held[0]! * 2, 5);
    expect(held[2]).toBe(held[0]);
  });

  it.each(SURFACES)(
    'refuses a tier without a price, and says which there are ($name)',
    async ({ name, chat }) => {
      for (const stream of [false, true]) {
        const refused = await tollgate.post(
          chat,
          asking({ model: 'test/plain', service_tier: 'priority', stream }),
        );
        const body = (await refused.json()) as { error: Record<string, unknown> };
        expect([name, refused.status]).toEqual([name, chat.startsWith('/api/public') ? 422 : 400]);
        expect(body.error).toMatchObject({ param: 'service_tier', type: 'invalid_request_error' });
        expect(body.error['message']).toContain("Supported values are: 'auto' and 'default'.");
        const other = await tollgate.post(chat, asking({ service_tier: 'scale', stream }));
        expect(JSON.stringify(await other.json())).toContain("'auto', 'default', 'flex' and 'priority'");
      }
      expect(upstream.requests).toHaveLength(0);
    },
  );

  it.each([
    ['auto', 'default'],
    ['default', 'default'],
    [null, undefined],
    [undefined, undefined],
  ])('takes service_tier %p at any model', async (service_tier, sent) => {
    answers();
    await stories({ model: 'test/plain', service_tier });
    expect(sentTier()).toBe(sent);
  });

  it('refuses what the vendor cannot be told, rather than sell it', async () => {
    for (const model of ['test/claude', 'test/gemini']) {
      for (const fields of [{ service_tier: 'priority' }, { web_search_options: {} }]) {
        const refused = await ask({ model, ...fields });
        const body = (await refused.json()) as { error: { param: string } };
        expect([refused.status, body.error.param]).toEqual([400, Object.keys(fields)[0]]);
        expect((await storyOf(refused)).credits).toBe(0);
      }
      for (const service_tier of ['auto', 'default', null]) {
        expect((await ask({ model, service_tier })).status).toBe(200);
      }
    }
  });

  it('serves and charges the tiers of a sandbox model that are priced', async () => {
    const told = await stories({ model: 'test/sandbox', service_tier: 'priority' });
    for (const { price } of told) expect(price['service_tier']).toBe('priority');
    expect((await ask({ model: 'sandbox/chat', service_tier: 'priority' })).status).toBe(400);
    expect((await ask({ model: 'sandbox/chat', service_tier: 'auto' })).status).toBe(200);
  });

  it('holds for chatbots, whose callers may choose a tier', async () => {
    const model = await newChatbot(tollgate, { model: 'test/tiers' });
    answers('priority');
    for (const { credits, price } of await stories({ model, service_tier: 'priority' })) {
      expect([credits, price['service_tier']]).toEqual([2.4, 'priority']);
    }
    const plain = await newChatbot(tollgate, { model: 'test/plain' });
    expect((await ask({ model: plain, service_tier: 'flex' })).status).toBe(400);
    expect((await ask({ model: plain, web_search_options: {} })).status).toBe(400);
  });

  it('asks for the standard tier in legacy completions, which cannot choose one', async () => {
    answers('default');
    const body = { model: 'test/tiers', prompt: 'hi', max_tokens: 5, service_tier: 'priority' };
    const response = await tollgate.post('/v1/completions', body);
    expect([response.status, sentTier()]).toEqual([200, 'default']);
    expect((await storyOf(response)).price['service_tier']).toBeNull();
  });

  it('web_search_options cost what is written for a request, and are refused where nothing is', async () => {
    answers();
    const [whole, streamed] = await stories({ web_search_options: { search_context_size: 'low' } });
    // 0.05 USD are 10 credits.
    for (const story of [whole!, streamed!]) {
      expect([story.credits, story.price['web_search']]).toEqual([11.2, '0.05']);
      expect(story.hold.events[0]!.amount).toBeGreaterThan(10);
    }
    answers('priority');
    const [both] = await stories({ web_search_options: {}, service_tier: 'priority' });
    expect([both!.credits, both!.price['service_tier']]).toEqual([12.4, 'priority']);
    upstream.clear();
    for (const { chat } of SURFACES) {
      const refused = await tollgate.post(chat, asking({ model: 'test/plain', web_search_options: {} }));
      const body = (await refused.json()) as { error: { param: string } };
      expect(refused.status).toBe(chat.startsWith('/api/public') ? 422 : 400);
      expect(body.error.param).toBe('web_search_options');
    }
    expect((await ask({ web_search_options: {}, n: 2 })).status).toBe(400);
    expect(upstream.requests).toHaveLength(0);
  });

  it('costs nothing where the upstream fails, a search neither', async () => {
    upstream.enqueue(json({ error: { message: 'no' } }, { status: 500 }));
    const failed = await ask({ web_search_options: {} });
    expect(failed.ok).toBe(false);
    expect((await storyOf(failed)).credits).toBe(0);
  });

  it('sound costs what is written for it, read and spoken', async () => {
    const usage = {
      ...USAGE,
      prompt_tokens_details: { audio_tokens: 60, cached_tokens: 0 },
      completion_tokens_details: { audio_tokens: 15 },
    };
    const messages = [{ role: 'user', content: [sound(wav(1))] }];
    const audio = { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'pcm16' } };
    answers(undefined, usage);
    for (const story of await stories({ messages, ...audio })) {
      // 40 + 60 × 10 + 5 + 15 × 20 hundredths
      expect(story.credits).toBe(9.45);
      expect(story.credits).toBeLessThanOrEqual(story.hold.events[0]!.amount);
    }
    const usageMetadata = {
      promptTokenCount: 100,
      candidatesTokenCount: 20,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 40 },
        { modality: 'AUDIO', tokenCount: 60 },
      ],
    };
    vendors.gemini.next(geminiCandidate({ usageMetadata }));
    const heard = await ask({ model: 'test/gemini', messages });
    expect((await storyOf(heard)).credits).toBe(6.6);
  });

  it('is known for ever: each price that a charge names is stored', async () => {
    const rows = await tollgate.app
      .get(Database)
      .kysely.selectFrom('price_versions')
      .select(['version', 'service_tier', 'web_search_pico_usd', 'prompt_pico_usd_per_token'])
      .where('model', '=', 'test/tiers')
      .execute();
    expect(rows).toHaveLength(6);
    const known = new Set(rows.map(({ version }) => version));
    expect(known.size).toBe(6);
    answers('flex');
    const response = await ask({ service_tier: 'flex' });
    const bill = (await tollgate.usageOf(response))!;
    expect(rows.find(({ version }) => version === bill.priceVersion)).toMatchObject({ service_tier: 'flex' });
  });

  it('stands in the models list', async () => {
    const response = await tollgate.get('/v1/models/test%2Ftiers');
    const { pricing } = (await response.json()) as { pricing: unknown };
    expect(pricing).toEqual({
      prompt: '0.00005',
      completion: '0.00005',
      audio_prompt: '0.0005',
      audio_completion: '0.001',
      web_search: '0.05',
      tiers: {
        flex: { prompt: '0.000025', completion: '0.000025' },
        priority: { prompt: '0.0001', completion: '0.0001' },
      },
    });
  });

  it('never lets parallel requests of a dear tier have more than there is', async () => {
    upstream.otherwise(json({ ...chatAnswer({ usage: wireUsage(100, 50) }), service_tier: 'priority' }));
    const { headers, balance } = await payingKey(tollgate, 500);
    const content = [{ type: 'text', text: 'hi' }, image(png(9, 9))];
    const given = await Promise.all(
      Array.from({ length: 8 }, () =>
        ask({ service_tier: 'priority', messages: [{ role: 'user', content }] }, headers),
      ),
    );
    const served = given.filter(({ status }) => status === 200);
    expect(BigInt(served.length) * 300n).toBeLessThanOrEqual(500n);
    expect(await balance()).toBe(500n - BigInt(served.length) * 300n);
  });

  it('sends nothing else that has a price of its own', async () => {
    answers();
    const priced = {
      prompt_cache_retention: '24h',
      prompt_cache_options: { mode: 'explicit', ttl: '30m' },
      moderation: { model: 'x' },
      plugins: [{ id: 'web' }],
      store: true,
    };
    await stories(priced);
    for (const field of Object.keys(priced)) expect(upstream.requests[0]?.body).not.toHaveProperty(field);
  });
});
