import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/load-config.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { billOf, expectNothingOpen } from '../support/aftermath.js';
import { controlled, json } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, completionBody, SURFACES } from '../support/wire-surfaces.js';

/** Without a price, and in no price table; and one that says in writing that it is free. */
const UNPRICED_MODELS = `
  - id: test/unpriced
    routes: [ { upstream: main, model: nobody-knows-this-model } ]
  - id: test/free
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: free-model } ]
`;

describe('S45: a model that nobody priced', () => {
  const app = useWireApp({ models: UNPRICED_MODELS });

  it.each(SURFACES)('is refused before the upstream hears of it, and not listed ($name)', async (surface) => {
    for (const response of [
      await app.tollgate.post(surface.chat, chatBody({ model: 'test/unpriced' })),
      await app.tollgate.post(surface.chat, chatBody({ model: 'test/unpriced', stream: true })),
      await app.tollgate.post(surface.completions, completionBody({ model: 'test/unpriced' })),
      // By its upstream's name as well.
      await app.tollgate.post(surface.chat, chatBody({ model: 'nobody-knows-this-model' })),
    ]) {
      await expectFailure(response, surface, 400, { code: 'price_unknown', param: 'model' });
    }
    expect(app.upstream.requests).toHaveLength(0);
    expect(await app.tollgate.allUsage()).toEqual([]);
    const list = (await (await app.tollgate.get(surface.models)).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).not.toContain('test/unpriced');
    expect((await app.tollgate.get(`${surface.models}/test/unpriced`)).status).toBe(404);
  });
});

describe('S45: a model that is free in writing', () => {
  const app = useWireApp({ models: UNPRICED_MODELS });

  it('costs nothing, and has its row all the same', async () => {
    const response = await app.tollgate.post('/api/v1/chat/completions', chatBody({ model: 'test/free' }));
    expect(response.status).toBe(200);
    expect(await billOf(app, response)).toMatchObject({
      outcome: 'completed',
      promptTokens: 9,
      costNanoUsd: 0n,
      creditHundredths: 0n,
    });
  });

  it.each(['-0.000001', '1e-6', 'free', '0x1', '1000000', 'NaN', ''])(
    'a price of %j is no price: the process does not start',
    async (price) => {
      const folder = await mkdtemp(join(tmpdir(), 'tollgate-price-'));
      await writeFile(
        join(folder, 'tollgate.yaml'),
        `upstreams:\n  main: { protocol: sandbox }\nmodels:\n  - id: a/b\n` +
          `    pricing: { prompt: "${price}", completion: "0.000001" }\n    routes: [ { upstream: main, model: chat } ]\n`,
      );
      expect(() => loadConfig({ DATA_DIR: folder }, folder)).toThrow(/pricing/);
      await rm(folder, { recursive: true });
    },
  );
});

describe('S47: leaving before the end', () => {
  const app = useWireApp();
  const PIECES = Array.from({ length: 100 }, (_, i) => ` word${i}`);

  it.each(SURFACES)(
    'at 99 % of an answer pays for all that was relayed, every time ($name)',
    async (surface) => {
      const [role, ...rest] = chatChunks(PIECES, { usage: null });
      for (let round = 0; round < 3; round += 1) {
        const live = controlled();
        app.upstream.enqueue(live.reply);
        const client = await RawClient.ask(
          app.tollgate.port,
          httpRequest(surface.chat, {
            headers: { authorization: `Bearer ${app.tollgate.key}` },
            body: chatBody({ stream: true }),
          }),
        );
        await live.event(role);
        for (const chunk of rest.slice(0, 99)) await live.event(chunk);
        await client.seen(' word98"');
        client.reset();
        const { 1: requestId = '' } = /x-request-id: (\S+)/.exec(client.text) ?? [];
        const row = await billOf(app, requestId);
        expect(row).toMatchObject({ outcome: 'client_left', streamed: true });
        // 99 words of at least one token each, and the prompt.
        expect(row.completionTokens).toBeGreaterThanOrEqual(99);
        expect(row.promptTokens).toBeGreaterThan(0);
        expect(row.creditHundredths).toBeGreaterThan(0n);
        await expectNothingOpen(app);
      }
    },
  );

  it.each(SURFACES)(
    'between the last word and the end of the stream is no way out ($name)',
    async (surface) => {
      const live = controlled();
      app.upstream.enqueue(live.reply);
      const client = await RawClient.ask(
        app.tollgate.port,
        httpRequest(surface.chat, {
          headers: { authorization: `Bearer ${app.tollgate.key}` },
          body: chatBody({ stream: true }),
        }),
      );
      for (const chunk of chatChunks(PIECES)) await live.event(chunk);
      await client.seen(' word99"');
      client.reset();
      const { 1: requestId = '' } = /x-request-id: (\S+)/.exec(client.text) ?? [];
      expect((await billOf(app, requestId)).completionTokens).toBeGreaterThanOrEqual(100);
      await expectNothingOpen(app);
    },
  );

  it('K8: a failure before the first byte costs nothing, however often it is asked for', async () => {
    app.upstream.otherwise(json(chatAnswer(), { status: 500 }));
    for (let i = 0; i < 3; i += 1) {
      const response = await app.tollgate.post('/api/v1/chat/completions', chatBody());
      expect(response.status).toBe(502);
      expect(await billOf(app, response)).toMatchObject({ creditHundredths: 0n, completionTokens: 0 });
    }
  });
});
