import { describe, expect, it } from '@jest/globals';
import { billOf, billsOfClient, expectNothingOpen } from '../support/aftermath.js';
import { eventually } from '../support/eventually.js';
import { controlled, delayed, failure, sse, stall } from '../support/fake-upstream-replies.js';
import { chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { completionBody, Q, SURFACES, W } from '../support/wire-surfaces.js';

/** 121 tokens each, more or less. */
const PROMPTS = Array.from({ length: 1_000 }, (_, n) => `${n} ${'word '.repeat(120)}`);

describe('a batch of completions over chat', () => {
  const app = useWireApp();

  it.each(SURFACES)('that breaks is charged for the prompts that were sent ($name)', async (surface) => {
    const good = sse(chatChunks(undefined, { usage: wireUsage(130, 3) }));
    app.upstream.enqueue(good, good, good, delayed(200, failure(500)), stall());
    app.upstream.otherwise(stall());
    const response = await app.tollgate.post(
      surface.completions,
      completionBody({ prompt: PROMPTS, max_tokens: 16, stream: true }),
    );
    const text = await response.text();
    expect(text).toContain('"error"');
    expect(text).not.toContain('[DONE]');
    expect(app.upstream.requests.length).toBeLessThanOrEqual(8);
    const bill = await billOf(app, response);
    expect(bill).toMatchObject({ outcome: 'upstream_failed', completionTokens: 9 });
    // Three have answered.
    expect(bill.promptTokens).toBeGreaterThanOrEqual(3 * 120);
    expect(bill.promptTokens).toBeLessThanOrEqual(3 * 130);
    await expectNothingOpen(app);
  });

  it('of which one reports more than it showed pays that as well', async () => {
    const hidden = {
      ...wireUsage(130, 5_003),
      completion_tokens_details: { reasoning_tokens: 5_000 },
    };
    app.upstream.enqueue(sse(chatChunks(undefined, { usage: hidden })), delayed(200, failure(500)));
    app.upstream.otherwise(stall());
    const response = await app.tollgate.post(
      W.completions,
      completionBody({ prompt: PROMPTS.slice(0, 5), max_tokens: 8_000, stream: true }),
    );
    await response.text();
    expect((await billOf(app, response)).completionTokens).toBeGreaterThanOrEqual(5_003);
  });

  it('whose client leaves is charged for the prompts that were sent', async () => {
    const lives = Array.from({ length: 4 }, () => controlled());
    app.upstream.enqueue(...lives.map(({ reply }) => reply));
    const headers = { authorization: `Bearer ${app.tollgate.key}`, 'x-request-id': 'leaver' };
    const body = completionBody({ prompt: PROMPTS, max_tokens: 16, stream: true });
    const client = await RawClient.ask(app.tollgate.port, httpRequest(Q.completions, { headers, body }));
    await lives[0]?.event(chatChunks()[1]);
    await client.seen('"text":"Hello"');
    client.reset();
    const [bill] = await eventually(async () => {
      const rows = await billsOfClient(app, 'leaver');
      return rows.length > 0 && rows;
    }, 'its row');
    expect(app.upstream.requests).toHaveLength(4);
    expect(bill).toMatchObject({ outcome: 'client_left', completionTokens: 1 });
    expect(bill?.promptTokens).toBeLessThanOrEqual(130);
  });

  it.each([false, true])(
    'that may have no tokens is read by nobody and costs nothing (stream: %s)',
    async (stream) => {
      for (const echo of [true, false]) {
        const response = await app.tollgate.post(
          Q.completions,
          completionBody({ model: MODEL, prompt: PROMPTS.slice(0, 3), max_tokens: 0, echo, stream }),
        );
        expect(response.status).toBe(200);
        const text = await response.text();
        expect(text.includes('word word')).toBe(echo);
        expect(text).toContain('"total_credit":0');
        expect(await billOf(app, response)).toMatchObject({
          outcome: 'completed',
          usageSource: 'counted',
          promptTokens: 0,
          completionTokens: 0,
          creditHundredths: 0n,
        });
      }
      expect(app.upstream.requests).toHaveLength(0);
      await expectNothingOpen(app);
    },
  );
});
