import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import { ConversationRepository } from '../../src/conversations/conversation.repository.js';
import { StoredMessageRepository } from '../../src/conversations/stored-message.repository.js';
import { storageUnavailable } from '../../src/persistence/storage-unavailable.js';
import { ConversationsClient } from '../support/conversations.js';
import { eventually } from '../support/eventually.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { useWireApp } from '../support/wire-app.js';

/** A conversation with something of everything in it. */
function longTalk(turns: number): ChatMessage[] {
  return Array.from({ length: turns }, (_, i): ChatMessage[] => [
    i % 2 === 0
      ? { role: 'user', content: `Question ${i}\n## 1. not a heading\n\`\`\`\n` }
      : {
          role: 'user',
          content: [
            { type: 'text', text: `Question ${i}` },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=', detail: 'low' } },
          ],
        },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: `call_${i}`, type: 'function', function: { name: 'look', arguments: '{"a":[1]}' } }],
    },
    { role: 'tool', tool_call_id: `call_${i}`, content: `Result ${i} \u{1F40C} \u0000` },
    { role: 'assistant', content: `Answer ${i}`, refusal: i % 10 === 0 ? 'but not more' : null },
  ]).flat();
}

interface ExportFile {
  readonly object: string;
  readonly conversation: unknown;
  readonly messages: readonly (ChatMessage & { id: string; turn: number; created_at: number })[];
}

/** Whether the last chunk has come. */
const isWhole = (raw: RawClient): boolean => raw.bytes.subarray(-7).toString() === '\r\n0\r\n\r\n';

const words = ({ messages }: ExportFile): ChatMessage[] =>
  messages.map(({ id: _id, turn: _turn, created_at: _at, ...message }) => ({
    ...message,
    request_id: undefined,
  }));

describe('GET /v1/conversations/{id}/export', () => {
  const app = useWireApp({ env: { WRITE_STALL_MS: '1500' } });
  let client: ConversationsClient;
  let accountId: string;

  beforeAll(async () => {
    const key = await app.tollgate.newKey();
    ({ accountId } = key);
    client = new ConversationsClient(app.tollgate, key.secret);
  });

  const records = () => app.tollgate.app.get(ConversationRepository, { strict: false });
  const pagesOf = () => app.tollgate.app.get(StoredMessageRepository, { strict: false });
  const stored = (messages: readonly ChatMessage[], title?: string) =>
    records().create({ accountId, title, messages, atMs: Date.UTC(2026, 10, 22) });
  const download = (id: string, query = '') =>
    app.tollgate.get(`/v1/conversations/${id}/export${query}`, client.headers);

  it('gives all of 1,000 messages as JSON, which make the same conversation again', async () => {
    const messages = longTalk(250);
    const { id } = await stored(messages, 'Plans');
    const response = await download(id);
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([200, 'application/json; charset=utf-8', 'no-store']);
    const file = (await response.json()) as ExportFile;
    expect(file).toMatchObject({ object: 'conversation.export', conversation: await client.get(id) });
    expect(file.messages.map(({ id: _id, ...rest }) => rest)).toEqual(
      messages.map((message, i) => ({
        created_at: Date.UTC(2026, 10, 22) / 1000,
        turn: Math.floor(i / 4) + 1,
        request_id: null,
        ...(JSON.parse(JSON.stringify(message)) as object),
      })),
    );

    const again = await client.create();
    for (let at = 0; at < file.messages.length; at += 20) {
      await client.add(again.id, file.messages.slice(at, at + 20));
    }
    const second = (await (await download(again.id, '?format=json')).json()) as ExportFile;
    // `null` is as good as nothing in a message that is put in.
    const withoutNulls = (file_: ExportFile) =>
      words(file_).map(({ refusal, ...message }) => (refusal ? { ...message, refusal } : message));
    expect(withoutNulls(second)).toEqual(withoutNulls(file));
    expect(second.conversation).toMatchObject({ messages: 1000, turns: 250 });
  });

  it('gives all of 1,000 messages as Markdown, each under a heading', async () => {
    const { id } = await stored(longTalk(250), 'Plans *for* <b>me</b>');
    const response = await download(id, '?format=markdown');
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    const text = await response.text();
    expect(text).toMatch(/^# Plans \\\*for\\\* \\<b\\>me\\<\/b\\>\n\n- Conversation: `conv_/);
    expect(text.match(/^## \d+\. (User|Assistant|Tool), /gm)).toHaveLength(1000);
    expect(text).toContain('\n## 1000. Assistant, 2026-11-22 00:00:00 UTC\n\n```text\nAnswer 249\n```\n');
    expect(text).toContain('\nCalls `look` as `call_3`\n\n```json\n{"a":[1]}\n```\n');
    expect(text).toContain('\nImage: `image/png`, 2 bytes\n');
  });

  it.each(['json', 'markdown'])('gives long runs of emoji whole, as %s', async (format) => {
    for (const content of ['😀'.repeat(100_000), `x${'😀'.repeat(100_000)}`]) {
      const { id } = await stored([{ role: 'user', content }]);
      const text = await (await download(id, `?format=${format}`)).text();
      expect([text.includes(content), text.includes('\ufffd')]).toEqual([true, false]);
    }
  });

  it('gives a conversation without messages', async () => {
    const { id } = await client.create();
    expect(await (await download(id)).json()).toMatchObject({ messages: [] });
    expect(await (await download(id, '?format=markdown')).text()).toContain('- Messages: 0\n');
  });

  it('answers HEAD without a body and refuses other formats', async () => {
    const { id } = await stored(longTalk(3));
    const head = await app.tollgate.request('HEAD', `/v1/conversations/${id}/export`, {
      headers: client.headers,
    });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-disposition')).toContain(`filename="${id}.json"`);
    const { status, body } = await client.send('GET', `/conversations/${id}/export?format=html`);
    expect([status, body['error']]).toEqual([400, expect.objectContaining({ param: 'format' })]);
  });

  it.each([
    [undefined, undefined],
    ['Plans', 'Plans'],
    ['Café déjà-vu_2 日本', 'Café déjà-vu_2 日本'],
    ['../../etc/passwd', 'etc passwd'],
    ['a"; filename="b.exe', 'a filename b exe'],
    ['\u202Egnp.exe', 'gnp exe'],
    ['💩', undefined],
    ['x '.repeat(99), 'x '.repeat(40).trim()],
  ])('names the file of %j safely', async (title, name) => {
    const { id } = await stored([], title);
    const disposition = (await download(id)).headers.get('content-disposition') ?? '';
    const [plain, extended] = disposition.split(`attachment; filename="${id}.json"`);
    expect(plain).toBe('');
    expect(extended).toMatch(/^(; filename\*=UTF-8''[\w.%-]+)?$/);
    const shown = extended === '' ? undefined : decodeURIComponent(extended?.split("''")[1] ?? '');
    expect(shown).toBe(name && `${name}.json`);
  });

  it('lets a browser read the name of the file', async () => {
    const { id } = await stored([], 'Plans');
    const { headers } = await app.tollgate.get(`/v1/conversations/${id}/export`, {
      ...client.headers,
      origin: 'https://app.example',
    });
    expect(headers.get('access-control-expose-headers')?.split(', ')).toContain('content-disposition');
  });

  describe('of tens of megabytes', () => {
    const BIG = 'x'.repeat(1_000_000);

    /** Begins a download of 40 MB and takes none of it. */
    async function stuckDownload() {
      const { id } = await stored(
        Array.from({ length: 40 }, (_, i) => ({ role: 'user', content: `${i} ${BIG}` })),
      );
      const pages = jest.spyOn(pagesOf(), 'list');
      const server = app.tollgate.app.getHttpServer() as Server;
      const connected = once(server, 'connection') as Promise<[Socket]>;
      const raw = await RawClient.connect(app.tollgate.port);
      const [socket] = await connected;
      raw.stopReading();
      const headers = { ...client.headers, connection: 'close' };
      raw.send(httpRequest(`/v1/conversations/${id}/export`, { method: 'GET', headers }));
      // One look for the newest message, then the first page.
      await eventually(() => pages.mock.calls.length >= 2, 'the first page');
      return { id, pages, raw, socket };
    }

    it('reads no further than its client does', async () => {
      const { pages, raw, socket } = await stuckDownload();
      await eventually(() => socket.writableNeedDrain, 'a full socket');
      expect(pages).toHaveBeenCalledTimes(2);
      raw.readOn();
      await raw.ended;
      expect(isWhole(raw)).toBe(true);
      expect(raw.bytesReceived).toBeGreaterThan(40_000_000);
      expect(pages.mock.calls.length).toBeGreaterThanOrEqual(6);
    });

    it('stops when its client leaves', async () => {
      const { pages, raw, socket } = await stuckDownload();
      const closed = Promise.withResolvers<unknown>();
      socket.once('close', closed.resolve);
      raw.reset();
      await closed.promise;
      // Time for all that it might still ask.
      for (let turn = 0; turn < 20; turn += 1) await client.page('/conversations', 'limit=1');
      expect(pages).toHaveBeenCalledTimes(2);
    });

    it('cuts off a client that takes nothing for too long', async () => {
      const { raw, socket } = await stuckDownload();
      await once(socket, 'close');
      raw.readOn();
      await raw.ended;
      expect(raw.bytesReceived).toBeLessThan(40_000_000);
      expect(isWhole(raw)).toBe(false);
    });

    it.each([
      ['the conversation', () => ''],
      ['its newest message', (newest: string) => `/items/${newest}`],
    ])('is cut off, not ended, when %s is erased on the way', async (_what, path) => {
      const { id, raw } = await stuckDownload();
      const { data } = await client.page<{ id: string }>(`/conversations/${id}/items`, 'limit=1');
      const erased = `/conversations/${id}${path(data[0]?.id ?? '')}`;
      expect((await client.send('DELETE', erased)).status).toBe(200);
      raw.readOn();
      await raw.ended;
      expect(raw.bytes.subarray(0, 15).toString()).toBe('HTTP/1.1 200 OK');
      expect(isWhole(raw)).toBe(false);
    });
  });

  it('lets others have their turn after each page', async () => {
    const { id } = await stored(longTalk(200));
    const list = pagesOf().list.bind(pagesOf());
    let turns = 0;
    const turnsAtPages: number[] = [];
    jest.spyOn(pagesOf(), 'list').mockImplementation((...page) => {
      if (page[1].order === 'asc') turnsAtPages.push(turns);
      return list(...page);
    });
    let counting = setImmediate(function count() {
      turns += 1;
      counting = setImmediate(count);
    });
    try {
      await (await download(id)).text();
    } finally {
      clearImmediate(counting);
    }
    expect(turnsAtPages).toHaveLength(8);
    expect(new Set(turnsAtPages).size).toBe(8);
  });

  it('holds what there was when it began', async () => {
    const { id } = await stored(longTalk(30));
    const list = pagesOf().list.bind(pagesOf());
    let added = false;
    jest.spyOn(pagesOf(), 'list').mockImplementation(async (...page) => {
      const rows = await list(...page);
      if (!added) {
        added = true;
        await client.add(id, [{ role: 'user', content: 'too late' }]);
      }
      return rows;
    });
    const file = (await (await download(id)).json()) as ExportFile;
    expect(file.messages).toHaveLength(120);
    expect(JSON.stringify(file)).not.toContain('too late');
  });

  it('fails with a real status where the database fails before the first byte', async () => {
    const { id } = await stored(longTalk(1));
    jest.spyOn(pagesOf(), 'list').mockRejectedValue(storageUnavailable('a disk that is gone'));
    const response = await download(id);
    expect(response.status).toBe(503);
    expect(response.headers.get('content-disposition')).toBeNull();
  });
});
