import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { sse } from '../support/fake-upstream-replies.js';
import { chatChunks, completionChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';
import { readStream } from '../support/wire-stream.js';

/** 100 completion tokens cost 0.005 USD, one credit, but where another price is named; prompts are free. */
const MODELS = `
  - id: test/limited
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: m } ]
  - id: test/unlimited
    completions: native
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: m } ]
  - id: test/free
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: m } ]
  - id: test/cheap
    pricing: { prompt: "0", completion: "0.00000002" }
    routes: [ { upstream: main, model: m } ]
`;
const LIMITED_OR_NOT = ['test/limited', 'test/unlimited'];
const messages = [{ role: 'user', content: 'hi' }];

interface Story {
  readonly outcome: string;
  readonly credits: number;
  readonly hold: {
    readonly amount: number;
    readonly state: string;
    readonly events: readonly { event: string }[];
  };
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly usage_source: string;
  };
}

describe('streams and the credit that they have', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, MODELS) });
  });
  afterEach(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  async function headersOfKeyWith(credits: number): Promise<Record<string, string>> {
    const { secret } = await tollgate.newKey({}, BigInt(Math.round(credits * 100)));
    return { authorization: `Bearer ${secret}` };
  }

  async function storyOf(response: Response, headers: Record<string, string>): Promise<Story> {
    const id = response.headers.get('x-request-id');
    return (await (await tollgate.get(`/api/v1/requests/${id}`, headers)).json()) as Story;
  }

  async function streamed(credits: number, model: string) {
    const headers = await headersOfKeyWith(credits);
    const response = await tollgate.post(
      '/api/v1/chat/completions',
      { model, messages, stream: true },
      headers,
    );
    const { chunks } = await readStream(response);
    const ends = chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? []);
    const said = chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('');
    return { said, ends, story: await storyOf(response, headers) };
  }

  it.each(LIMITED_OR_NOT)(
    'what comes at once and costs more than the first hold is not cut while there is credit (%s)',
    async (model) => {
      // The first hold is of 512 tokens; the first event has more, and so has the second one.
      const [long, longer] = ['words '.repeat(500), 'words '.repeat(1500)];
      upstream.enqueue(sse(chatChunks([long, longer, 'end'])));
      expect(await streamed(60, model)).toMatchObject({
        said: `${long}${longer}end`,
        ends: ['stop'],
        story: { outcome: 'completed' },
      });
    },
  );

  it('one that nobody limits goes on for as long as there is credit', async () => {
    upstream.enqueue(sse(chatChunks(pieces(100)), { delayMs: 1 }));
    const { said, ends, story } = await streamed(600, 'test/unlimited');
    expect([said.length, ends, story.outcome]).toEqual([150_000, ['stop'], 'completed']);
    expect(story.hold.amount).toBeGreaterThanOrEqual(500);
  });

  it('one that nobody limits ends where the credit does, with length', async () => {
    upstream.enqueue(sse(chatChunks(pieces(200)), { delayMs: 1 }));
    const { said, ends, story } = await streamed(300, 'test/unlimited');
    expect([ends, story.outcome, story.hold.amount]).toEqual([['length'], 'cut_at_limit', 300]);
    expect(said).toHaveLength(60 * 1500);
  });

  it('an event that the credit does not cover is cut to the part that it does', async () => {
    const text = 'words '.repeat(20_000);
    upstream.enqueue(sse(chatChunks([text], { usage: wireUsage(5, 20_000) })));
    const { said, ends, story } = await streamed(6, 'test/unlimited');
    expect([ends, story.outcome]).toEqual([['length'], 'cut_at_limit']);
    // 600 tokens of three bytes, as they are held; they are fewer when they are counted.
    expect(said).toBe(text.slice(0, 1800));
    expect(story.usage.usage_source).toBe('counted');
    expect(story.credits).toBeGreaterThan(2.5);
    expect(story.credits).toBeLessThanOrEqual(6);
  });

  it('one whose first event is a call that no credit covers gives nothing of it, and its prompt is charged', async () => {
    const args = JSON.stringify({ text: 'words '.repeat(20_000) });
    const call = { id: 'call_1', type: 'function', function: { name: 'write', arguments: args } };
    const [role, first, ...rest] = chatChunks('one', { usage: wireUsage(5, 20_000) });
    const calls = [{ index: 0, delta: { tool_calls: [{ index: 0, ...call }] }, finish_reason: null }];
    upstream.enqueue(sse([role, { ...first, choices: calls }, ...rest]));
    const { said, ends, story } = await streamed(6, 'test/unlimited');
    expect([said, ends, story.outcome, story.hold.state]).toEqual([
      '',
      ['length'],
      'cut_at_limit',
      'settled',
    ]);
    expect(story.usage).toMatchObject({ prompt_tokens: expect.any(Number), completion_tokens: 0 });
    expect(story.usage.prompt_tokens).toBeGreaterThan(0);
  });

  it('what waits for its hold is relayed also where the upstream breaks meanwhile', async () => {
    const text = 'words '.repeat(1500);
    const failing = [
      ...chatChunks([text]).slice(0, 2),
      { error: { message: 'no more', type: 'server_error' } },
    ];
    upstream.enqueue(sse(failing, { done: false }));
    const headers = await headersOfKeyWith(60);
    const body = { model: 'test/unlimited', messages, stream: true };
    const response = await tollgate.post('/api/v1/chat/completions', body, headers);
    const told = await response.text();
    expect(told).toContain(text);
    expect(told).toContain('"finish_reason":"error"');
    const { outcome, usage } = await storyOf(response, headers);
    expect(outcome).toBe('upstream_failed');
    expect(usage.completion_tokens).toBeGreaterThan(1400);
  });

  it('the same of a legacy completion', async () => {
    upstream.enqueue(sse(completionChunks(['words '.repeat(20_000)])));
    const headers = await headersOfKeyWith(6);
    const body = { model: 'test/unlimited', prompt: 'hi', max_tokens: 100_000, stream: true };
    const refused = await tollgate.post('/api/v1/completions', body, headers);
    expect(refused.status).toBe(429);
    const { max_tokens: _limit, ...unlimited } = body;
    // Qolaba's own limit of legacy completions is 16 tokens, LightningRod has none.
    const response = await tollgate.post('/api/public/v1/openai/completions', unlimited, headers);
    const { chunks } = await readStream(response);
    const texts = chunks.map(({ choices }) => (choices[0] as { text?: string } | undefined)?.text ?? '');
    expect(texts.join('')).toHaveLength(1800);
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['length']);
  });

  it.each([0, 1000])('one that costs nothing is whole, with %d credits', async (credits) => {
    upstream.enqueue(sse(chatChunks(['one ', 'two ', 'three'], { usage: wireUsage(5, 5) })));
    const { said, ends, story } = await streamed(credits, 'test/free');
    expect([said, ends, story.credits]).toEqual(['one two three', ['stop'], 0]);
    expect(story.hold.events.map(({ event }) => event)).toEqual(['opened', 'settled']);
  });

  it('the last hundredth of a credit buys what it is enough for', async () => {
    upstream.enqueue(sse(chatChunks(['one ', 'two ', 'three'], { usage: wireUsage(5, 5) })));
    const { said, ends, story } = await streamed(0.01, 'test/cheap');
    expect([said, ends, story.credits]).toEqual(['one two three', ['stop'], 0.01]);
  });

  it('S47: sound that was relayed is charged to a client that leaves', async () => {
    const spoken = { data: 'A'.repeat(32_000), transcript: 'words and words ' };
    const [first] = chatChunks('', {});
    const piece = (audio: object) => ({
      ...first,
      choices: [{ index: 0, delta: { audio }, finish_reason: null }],
    });
    upstream.enqueue(
      sse([piece({ id: 'audio_1' }), ...Array.from({ length: 500 }, () => piece(spoken))], { delayMs: 5 }),
    );
    const headers = await headersOfKeyWith(600);
    const controller = new AbortController();
    const response = await fetch(`${tollgate.origin}/v1/chat/completions`, {
      method: 'POST',
      signal: controller.signal,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'test/unlimited',
        messages,
        stream: true,
        modalities: ['text', 'audio'],
      }),
    });
    let read = 0;
    for await (const bytes of response.body!) {
      read += (bytes as Uint8Array).length;
      if (read > 10 * 32_000) break;
    }
    controller.abort();
    const story = await eventually(async () => {
      const told = await storyOf(response, headers);
      return told.outcome === 'in_progress' ? undefined : told;
    }, 'the end of the request');
    expect([story.outcome, story.usage.usage_source]).toEqual(['client_left', 'estimated']);
    // Half a second each, which is 10 tokens, and 3 words.
    expect(story.usage.completion_tokens).toBeGreaterThanOrEqual(9 * 13);
    expect(story.credits).toBeGreaterThan(1);
  });
});

/** Of 500 tokens each, as they are counted while they go by; at most 5 credits. */
function pieces(count: number): string[] {
  return Array.from({ length: count }, () => 'words '.repeat(250));
}
