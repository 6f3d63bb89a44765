import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newApiKeySecret } from '../../src/auth/secret.js';
import type { ConversationObject } from '../../src/contracts/openai/conversation.dto.js';
import type { StoredCompletionObject } from '../../src/contracts/openai/stored-completion.dto.js';
import { Database } from '../../src/persistence/database.js';
import { newChatbot } from '../support/chatbots.js';
import { ConversationsClient } from '../support/conversations.js';
import { temporaryFolder } from '../support/databases.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const SECRET = newApiKeySecret();
const HI = { role: 'user', content: 'hi' };
const keys = (byte: number) => `k1:${Buffer.alloc(32, byte).toString('base64')}`;
const idsOf = (entries: readonly { readonly id: string }[]): string[] => entries.map(({ id }) => id);

describe('what cannot be opened, for CONVERSATION_KEYS has another key under its name', () => {
  let folder: string;
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let client: ConversationsClient;
  let bot: string;
  let lost: ConversationObject;
  let readable: ConversationObject;
  const lostCompletions: string[] = [];
  const readableCompletions: string[] = [];

  const start = (CONVERSATION_KEYS: string) =>
    Tollgate.start({
      upstream,
      database: 'sqlite',
      env: { DATA_DIR: folder, BOOTSTRAP_API_KEY: SECRET, CONVERSATION_KEYS },
    });

  const ask = async (body: object) => {
    upstream.enqueue(json(chatAnswer({ content: 'hello' })));
    return client.send('POST', '/chat/completions', { model: MODEL, messages: [HI], ...body });
  };
  const balance = async () => (await client.send('GET', '/credits')).body;
  const store = async () => String((await ask({ store: true, metadata: { a: 'b' } })).body.id);
  const list = (query = '') => client.all<ConversationObject>('/conversations', query);
  const listCompletions = (query = '') => client.all<StoredCompletionObject>('/chat/completions', query);

  beforeAll(async () => {
    folder = await temporaryFolder();
    upstream = await FakeUpstream.start();
    tollgate = await start(keys(1));
    client = new ConversationsClient(tollgate);
    bot = await newChatbot(tollgate);
    lost = await client.create({ title: 'Plans', metadata: { a: 'b' }, items: [HI] });
    for (const name of ['by-name', 'spoken-in']) await ask({ model: bot, conversation_id: name });
    for (let n = 0; n < 4; n++) lostCompletions.push(await store());
    await tollgate.close();

    tollgate = await start(keys(2));
    client = new ConversationsClient(tollgate);
    readable = await client.create({ title: 'Others', items: [HI] });
    for (let n = 0; n < 2; n++) readableCompletions.push(await store());
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  it('stands in lists of conversations, which say so, and pages go on after it', async () => {
    for (const query of ['', 'limit=1', 'limit=1&order=asc']) {
      const listed = await list(query);
      expect(listed).toHaveLength(4);
      expect(listed.find(({ id }) => id === readable.id)).toEqual(readable);
      expect(listed.find(({ id }) => id === lost.id)).toEqual({
        ...lost,
        title: null,
        metadata: {},
        summary: null,
        unreadable: true,
      });
    }
  });

  it('is 503 for whoever asks for it alone or changes it', async () => {
    for (const path of [`/conversations/${lost.id}`, `/chat/completions/${lostCompletions[0]}`]) {
      expect((await client.send('GET', path)).status).toBe(503);
      expect((await client.send('POST', path, { metadata: {} })).status).toBe(503);
    }
  });

  it('is left out of lists of stored completions, and every page has one that can be opened', async () => {
    for (const query of ['', 'limit=1', 'limit=2', 'metadata[a]=b', `after=${lostCompletions[1]}`]) {
      expect(idsOf(await listCompletions(query))).toEqual(readableCompletions);
    }
    expect(idsOf(await listCompletions('order=desc&limit=1'))).toEqual(readableCompletions.toReversed());
  });

  it('is left out of them also where only its answer cannot be opened', async () => {
    const altered = await store();
    const newest = await store();
    await tollgate.app
      .get(Database)
      .kysely.updateTable('conversation_messages')
      .set({ body: 's1.AAAA' })
      .where('conversation_id', '=', altered)
      .where('seq', '=', 0)
      .execute();
    expect(idsOf(await listCompletions('limit=1'))).toEqual([...readableCompletions, newest]);
    for (const id of [altered, newest]) {
      expect((await client.send('DELETE', `/chat/completions/${id}`)).status).toBe(200);
    }
  });

  it('refuses a turn before anything is called and charged', async () => {
    const asked = upstream.requests.length;
    const before = await balance();
    for (const body of [{ model: bot, conversation_id: 'spoken-in' }, { conversation_id: lost.id }]) {
      expect((await ask(body)).status).toBe(503);
    }
    expect(upstream.requests).toHaveLength(asked);
    expect(await balance()).toEqual(before);
    upstream.clear();
  });

  it('refuses it also where a message that is read cannot be opened', async () => {
    const { id } = await client.create({ items: [HI] });
    await tollgate.app
      .get(Database)
      .kysely.updateTable('conversation_messages')
      .set({ body: 's1.AAAA' })
      .where('conversation_id', '=', id)
      .execute();
    const asked = upstream.requests.length;
    expect((await ask({ conversation_id: id })).status).toBe(503);
    expect(upstream.requests).toHaveLength(asked);
    upstream.clear();
  });

  it('is erased as anything else, by its id and by its name', async () => {
    for (const id of [lost.id, 'by-name']) {
      expect((await client.send('DELETE', `/conversations/${id}`)).status).toBe(200);
      expect((await client.send('GET', `/conversations/${id}`)).status).toBe(404);
    }
    for (const id of lostCompletions) {
      expect((await client.send('DELETE', `/chat/completions/${id}`)).status).toBe(200);
    }
    expect(idsOf(await listCompletions())).toEqual(readableCompletions);
  });
});
