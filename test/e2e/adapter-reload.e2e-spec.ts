import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { AppConfig } from '../../src/config/app-config.js';
import { CatalogueKeeper } from '../../src/inference/catalogue-keeper.service.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { type ControlledReply, controlled, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const CHUNKS = chatChunks('one two three');
const BEGIN = CHUNKS.slice(0, 2);
const REST = CHUNKS.slice(2);

describe('a reload (SIGHUP)', () => {
  let before: FakeUpstream;
  let after: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    before = await FakeUpstream.start();
    after = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream: before });
  });
  afterEach(async () => {
    before.clear();
    after.clear();
    await reload(catalogueYaml(before.baseUrl));
  });
  afterAll(async () => {
    await tollgate.close();
    await before.close();
    await after.close();
  });

  async function reload(yaml: string): Promise<void> {
    await writeFile(tollgate.app.get(AppConfig).configFile ?? '', yaml);
    await tollgate.app.get(CatalogueKeeper).reload();
  }

  function ask(body: object = {}, of = tollgate): Promise<Response> {
    return of.post('/v1/chat/completions', {
      model: MODEL,
      messages: [{ role: 'user', content: 'hi' }],
      ...body,
    });
  }

  /** A stream whose first word has come, and the vendor's side of it. */
  async function begunStream(of = tollgate): Promise<{ response: Response; live: ControlledReply }> {
    const live = controlled();
    before.enqueue(live.reply);
    const asked = ask({ stream: true }, of);
    for (const chunk of BEGIN) await live.event(chunk);
    return { response: await asked, live };
  }

  it('lets a stream end whole on the upstream that it began on, and takes the new one for the next request', async () => {
    const { response, live } = await begunStream();
    await reload(catalogueYaml(after.baseUrl));
    after.enqueue(json(chatAnswer({ content: 'from the new one' })));
    expect(await contentOf(await ask())).toBe('from the new one');

    for (const chunk of REST) await live.event(chunk);
    await live.end();
    const text = await response.text();
    expect(text).toContain(' three');
    expect(text).not.toContain('"error"');
    expect(text).toMatch(/data: \[DONE\]\s*$/);
    expect(await tollgate.usageOf(response)).toMatchObject({ outcome: 'completed', usageSource: 'upstream' });
    while (before.openConnections > 0) await turn();
  });

  it('lets a request of many calls make all of them on the upstream that it began on', async () => {
    const live = controlled();
    before.enqueue(live.reply);
    before.otherwise(sse(chatChunks('later')));
    const asked = tollgate.post('/v1/completions', {
      model: MODEL,
      prompt: Array.from({ length: 12 }, (_, index) => `prompt ${index}`),
      stream: true,
    });
    for (const chunk of BEGIN) await live.event(chunk);
    const response = await asked;
    await reload(catalogueYaml(after.baseUrl));
    for (const chunk of REST) await live.event(chunk);
    await live.end();
    expect(await response.text()).not.toContain('"error"');
    expect(before.requests).toHaveLength(12);
    expect(after.requests).toHaveLength(0);
    expect(await tollgate.usageOf(response)).toMatchObject({ outcome: 'completed' });
  });

  it('keeps the connections of an upstream that has not changed', async () => {
    await contentOf(await ask());
    const { connections } = before;
    await reload(catalogueYaml(before.baseUrl).replace('Test model', 'Renamed'));
    await contentOf(await ask());
    expect(before.connections).toBe(connections);
    expect(before.requests.at(-1)?.reused).toBe(true);
  });

  it('P9: keeps everything when the new file is bad', async () => {
    const { response, live } = await begunStream();
    await reload('upstreams: { main: { protocol: telepathy } }');
    for (const chunk of REST) await live.event(chunk);
    await live.end();
    expect(await response.text()).toMatch(/data: \[DONE\]\s*$/);
    expect((await ask()).status).toBe(200);
  });

  it('P1: shutdown waits for no upstream that a reload has left behind', async () => {
    const leaving = await Tollgate.start({ upstream: before, env: { DRAIN_TIMEOUT_MS: '50' } });
    const { response } = await begunStream(leaving);
    await writeFile(leaving.app.get(AppConfig).configFile ?? '', catalogueYaml(after.baseUrl));
    await leaving.app.get(CatalogueKeeper).reload();
    const [text] = await Promise.all([response.text(), leaving.close()]);
    expect(text).toContain('"error"');
    expect(text).not.toContain('[DONE]');
  });
});

async function contentOf(response: Response): Promise<unknown> {
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]?.message.content;
}
