import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newApiKeySecret } from '../../src/auth/secret.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { newChatbot } from '../support/chatbots.js';
import { temporaryFolder } from '../support/databases.js';
import { Tollgate } from '../support/tollgate.js';

const key = (name: string, byte: number) => `${name}:${Buffer.alloc(32, byte).toString('base64')}`;

/** The same at each start. */
const SECRET = newApiKeySecret();

/** Words that nobody else says. */
const SAID = 'MY-SECRET-PLAN';
const ANSWERED = 'YOUR-SECRET-ADVICE';

/** How often any of these words stand in the files of the data folder. */
function found(dataDir: string, words: readonly string[] = [SAID, ANSWERED]): number {
  let count = 0;
  for (const name of readdirSync(dataDir)) {
    const bytes = readFileSync(join(dataDir, name)).toString('latin1');
    for (const word of words) count += bytes.split(word).length - 1;
  }
  return count;
}

describe('what is said over HTTP, in the files of SQLite', () => {
  let folder: string;
  let upstream: FakeUpstream;

  beforeAll(async () => {
    folder = await temporaryFolder();
    upstream = await FakeUpstream.start();
  });
  afterAll(async () => {
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  const start = (dataDir: string, keys = '') =>
    Tollgate.start({
      upstream,
      database: 'sqlite',
      env: { DATA_DIR: dataDir, BOOTSTRAP_API_KEY: SECRET, CONVERSATION_KEYS: keys },
    });

  async function ask(tollgate: Tollgate, body: Record<string, unknown>): Promise<{ id: string }> {
    upstream.enqueue(json(chatAnswer({ content: `${ANSWERED} `.repeat(300) })));
    const response = await tollgate.post(
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: `${SAID} `.repeat(300) }], ...body },
      { 'idempotency-key': `key-${Math.random()}` },
    );
    expect(response.status).toBe(200);
    return (await response.json()) as { id: string };
  }

  it('is gone when the DELETE of conversation and completion is answered, kept answers included', async () => {
    const dataDir = join(folder, 'erased');
    const tollgate = await start(dataDir);
    const model = await newChatbot(tollgate);
    let stored = '';
    for (let turn = 0; turn < 5; turn++) {
      ({ id: stored } = await ask(tollgate, { model, conversation_id: SAID, store: turn === 4 }));
    }
    expect(found(dataDir)).toBeGreaterThan(1_000);

    expect((await tollgate.request('DELETE', `/v1/conversations/${SAID}`)).status).toBe(200);
    expect((await tollgate.request('DELETE', `/v1/chat/completions/${stored}`)).status).toBe(200);
    expect(found(dataDir)).toBe(0);
    await tollgate.close();
  });

  it('is gone when an item is deleted, with the answers that were kept for its conversation', async () => {
    const dataDir = join(folder, 'item');
    const tollgate = await start(dataDir);
    await ask(tollgate, { model: await newChatbot(tollgate), conversation_id: 'one' });
    const items = await tollgate.get('/v1/conversations/one/items');
    const { data } = (await items.json()) as { data: { id: string; role: string }[] };
    const answer = data.find(({ role }) => role === 'assistant');
    await tollgate.request('DELETE', `/v1/conversations/one/items/${answer?.id}`);
    expect(found(dataDir, [ANSWERED])).toBe(0);
    expect(found(dataDir, [SAID])).toBeGreaterThan(0);
    await tollgate.close();
  });

  it('is never there with CONVERSATION_KEYS, and is remembered all the same', async () => {
    const dataDir = join(folder, 'sealed');
    const tollgate = await start(dataDir, key('k1', 1));
    const model = await newChatbot(tollgate);
    const { id } = await ask(tollgate, { model, conversation_id: 'one', store: true });
    await ask(tollgate, { model, conversation_id: 'one' });
    expect(JSON.stringify(upstream.requests.at(-1)?.body)).toContain(ANSWERED);
    expect(found(dataDir)).toBe(0);
    expect(await (await tollgate.get(`/v1/chat/completions/${id}`)).text()).toContain(ANSWERED);
    await tollgate.close();

    const rotated = await start(dataDir, `${key('k2', 2)},${key('k1', 1)}`);
    expect(await (await rotated.get(`/v1/chat/completions/${id}`)).text()).toContain(ANSWERED);
    await ask(rotated, { model, conversation_id: 'one' });
    expect(found(dataDir)).toBe(0);
    await rotated.close();
  });
});
