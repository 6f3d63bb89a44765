import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { newConversationRowId, newRequestId } from '../../src/common/ids/ids.js';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import { chainAfter, EMPTY_CHAIN } from '../../src/conversations/chain.js';
import type { ConversationScope } from '../../src/conversations/conversation.js';
import type { LogService } from '../../src/observability/log.service.js';
import type { Database } from '../../src/persistence/database.js';
import { ResealingService } from '../../src/persistence/resealing.service.js';
import { Sealer } from '../../src/persistence/sealer.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import { StorageStartError } from '../../src/persistence/storage-start.error.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { conversationRepositories } from '../support/conversation-repositories.js';
import { eachDatabase, temporaryFolder } from '../support/databases.js';

const AT_MS = 1_790_000_000_000;
const key = (name: string) => ({ name, secret: randomBytes(32).toString('base64') });
const unavailable = expect.objectContaining({ code: 'storage_unavailable' });
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });

const lines: string[] = [];
let whenLogged: () => void = () => undefined;
const keepLine = (line: unknown): void => {
  lines.push(String(line));
  whenLogged();
};
beforeAll(() => {
  Logger.overrideLogger({ log: keepLine, warn: keepLine, error: keepLine });
});
afterAll(() => Logger.overrideLogger(false));

const log = {
  info: (_fields: object, line: string) => keepLine(line),
  warn: (_fields: object, line: string) => keepLine(line),
} as unknown as LogService;

const resealingWith = (database: Database, sealer: Sealer) => new ResealingService(database, sealer, log);

eachDatabase((_kind, open) => {
  let database: Database;
  const scope: ConversationScope = { accountId: 'acct_1', chatbotId: 'bot_1', clientId: 'chat' };

  beforeAll(async () => {
    database = await open();
  });

  beforeEach(async () => {
    lines.length = 0;
    for (const table of ['conversations', 'conversation_messages', 'idempotency_records'] as const) {
      await database.kysely.deleteFrom(table).execute();
    }
  });

  const repositoryOf = (sealer: Sealer) => conversationRepositories(database, sealer).conversations;

  function append(
    sealer: Sealer,
    id: string,
    existed: boolean,
    messages: readonly ChatMessage[],
    to = scope,
  ) {
    return inTransaction(database.kysely, (trx) =>
      repositoryOf(sealer).appendTurn(trx, {
        scope: to,
        id,
        existed,
        model: 'bot_1',
        messages,
        requestId: newRequestId(AT_MS),
        atMs: AT_MS,
      }),
    );
  }

  async function begin(sealer: Sealer, to = scope): Promise<string> {
    const id = newConversationRowId();
    await append(sealer, id, false, [user('my secret'), assistant('your secret')], to);
    return id;
  }

  async function saidIn(sealer: Sealer, of = scope): Promise<unknown[]> {
    const found = await repositoryOf(sealer).recall(of, 1000);
    return found?.messages.map(({ message }) => message.content) ?? [];
  }

  async function storedText(): Promise<string> {
    const heads = await database.kysely.selectFrom('conversations').select('head').execute();
    const bodies = await database.kysely.selectFrom('conversation_messages').select('body').execute();
    const answers = await database.kysely.selectFrom('idempotency_records').select('body').execute();
    return JSON.stringify([heads, bodies, answers]);
  }

  async function keyNames(): Promise<(string | null)[]> {
    const { rows } = await sql<{ name: string | null }>`
      select sealed_with as name from conversations union select sealed_with from conversation_messages
      union select sealed_with from idempotency_records`.execute(database.kysely);
    return rows.map(({ name }) => name);
  }

  describe('what is stored with CONVERSATION_KEYS', () => {
    it('holds no word of messages, title, metadata, summary and kept answers, and is read back whole', async () => {
      const sealer = new Sealer([key('k1')]);
      const { records, answers } = conversationRepositories(database, sealer);
      const id = await begin(sealer);
      await records.changeHead('acct_1', id, { title: 'secret title', metadata: { secret: 'secret' } });
      await inTransaction(database.kysely, (trx) =>
        repositoryOf(sealer).setSummary(trx, id, { text: 'secret sum', throughSeq: 2, messages: 2 }, 1),
      );
      const record = {
        accountId: 'acct_1',
        idempotencyKey: 'k',
        fingerprint: 'f'.repeat(64),
        owner: 'p',
        requestId: 'r',
        createdAtMs: AT_MS,
      };
      await answers.insert(record);
      await answers.keep(
        database.kysely,
        { accountId: 'acct_1', idempotencyKey: 'k', requestId: 'r' },
        {
          body: 'secret answer',
          conversationId: 'chat',
        },
      );

      expect(await storedText()).not.toContain('secret');
      expect(await keyNames()).toEqual(['k1']);
      expect(await saidIn(sealer)).toEqual(['my secret', 'your secret']);
      expect((await records.find('acct_1', id))?.head).toMatchObject({
        title: 'secret title',
        metadata: { secret: 'secret' },
        summary: { text: 'secret sum', throughSeq: 2, messages: 2 },
      });
      expect(await answers.findBody({ accountId: 'acct_1', idempotencyKey: 'k', requestId: 'r' })).toBe(
        'secret answer',
      );
    });

    it('cannot be passed off as another row: neither bodies nor heads nor kept answers', async () => {
      const sealer = new Sealer([key('k1')]);
      const other = { ...scope, clientId: 'other' };
      const [id, otherId] = [await begin(sealer), await begin(sealer, other)];
      const { kysely } = database;
      await sql`update conversation_messages set body = (select body from conversation_messages as theirs
        where theirs.conversation_id = ${otherId} and theirs.seq = conversation_messages.seq)
        where conversation_id = ${id}`.execute(kysely);
      await expect(saidIn(sealer)).rejects.toEqual(unavailable);
      expect(await saidIn(sealer, other)).toHaveLength(2);
      await sql`update conversations set head = (select head from conversations as theirs where theirs.id = ${id})
        where id = ${otherId}`.execute(kysely);
      await expect(saidIn(sealer, other)).rejects.toEqual(unavailable);
    });

    it('is refused when it was altered; the log says where and not what, and a turn is charged all the same', async () => {
      const sealer = new Sealer([key('k1')]);
      const id = await begin(sealer);
      await sql`update conversations set head = replace(head, 's1.', 's1.AAAA') where id = ${id}`.execute(
        database.kysely,
      );
      await expect(saidIn(sealer)).rejects.toEqual(unavailable);
      expect(lines.join('\n')).toContain(`conversations ${id}`);
      expect(lines.join('\n')).not.toContain('secret');
      expect(await append(sealer, id, true, [user('more')])).toBe(false);
    });

    it('is named by the log once, however often it is met in a list', async () => {
      const id = await begin(new Sealer([key('k1')]));
      const { records } = conversationRepositories(database, new Sealer([key('k1')]));
      for (let n = 0; n < 3; n++) {
        const { rows } = await records.list('acct_1', {}, { limit: 20, after: undefined });
        expect(rows).toEqual([expect.objectContaining({ id, head: undefined })]);
      }
      expect(lines).toEqual([expect.stringContaining(`conversations ${id} cannot be opened`)]);
    });

    it('is refused without its key, which the log names', async () => {
      await begin(new Sealer([key('k1')]));
      await expect(saidIn(new Sealer([key('k2')]))).rejects.toEqual(unavailable);
      expect(lines.join('\n')).toMatch(/no key named k1/);
    });
  });

  describe('ResealingService', () => {
    it('refuses to start without a key that something is sealed with, and names it', async () => {
      await begin(new Sealer([key('k1')]));
      for (const keys of [[], [key('k2')]]) {
        const service = resealingWith(database, new Sealer(keys));
        await expect(service.start()).rejects.toThrow(StorageStartError);
        await expect(service.start()).rejects.toThrow(/k1/);
      }
    });

    it('seals what was plain, and what an older key sealed, and says when that is not needed any more', async () => {
      const [older, newer] = [key('older'), key('newer')];
      await begin(new Sealer([]), { ...scope, clientId: 'plain' });
      await begin(new Sealer([older]));
      const sealer = new Sealer([newer, older]);
      const service = resealingWith(database, sealer);
      expect(await service.reseal()).toBe(6);
      expect(await keyNames()).toEqual(['newer']);
      expect(await storedText()).not.toContain('secret');
      expect(await saidIn(new Sealer([newer]))).toEqual(['my secret', 'your secret']);
      expect(await saidIn(new Sealer([newer]), { ...scope, clientId: 'plain' })).toHaveLength(2);
      expect(lines.filter((line) => line.includes('does not need'))).toEqual([
        'nothing is sealed with older any more: CONVERSATION_KEYS does not need it',
      ]);
      expect(await service.reseal()).toBe(0);
      const later = resealingWith(database, new Sealer([newer]));
      await later.start();
      await later.beforeApplicationShutdown();
    });

    it('goes on past what cannot be opened', async () => {
      const older = key('older');
      const broken = await begin(new Sealer([older]), { ...scope, clientId: 'broken' });
      for (let n = 0; n < 5; n++) await begin(new Sealer([older]), { ...scope, clientId: `chat ${n}` });
      await sql`update conversation_messages set body = 's1.AAAA' where conversation_id = ${broken}`.execute(
        database.kysely,
      );
      const sealer = new Sealer([key('newer'), older]);
      expect(await resealingWith(database, sealer).reseal()).toBe(16);
      for (let n = 0; n < 5; n++) {
        expect(await saidIn(sealer, { ...scope, clientId: `chat ${n}` })).toHaveLength(2);
      }
    });

    it('loses no turn that is added while it works, by a process that seals with the old key or the new', async () => {
      const [older, newer] = [key('older'), key('newer')];
      const [before, after] = [new Sealer([older, newer]), new Sealer([newer, older])];
      const id = await begin(before);
      const said = ['my secret', 'your secret'];
      for (let n = 0; n < 100; n++) {
        await append(before, id, true, [user(`u${n}`), assistant(`a${n}`)]);
        said.push(`u${n}`, `a${n}`);
      }
      const services = [resealingWith(database, after), resealingWith(database, after)];
      const resealing = Promise.all(services.map((service) => service.reseal()));
      for (let n = 100; n < 140; n++) {
        await append(n % 2 === 0 ? before : after, id, true, [user(`u${n}`), assistant(`a${n}`)]);
        said.push(`u${n}`, `a${n}`);
        // Sockets and timers get their turn, as between requests.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await resealing;
      await services[0]?.reseal();
      expect(await keyNames()).toEqual(['newer']);
      const found = await repositoryOf(new Sealer([newer])).recall(scope, 10_000);
      expect(found?.messages.map(({ message }) => message.content)).toEqual(said);
      const messages = found?.messages.map(({ message }) => message) ?? [];
      const chain = chainAfter(EMPTY_CHAIN, messages);
      expect(found?.conversation.head.chain).toBe(chain);
    });
  });
});

describe('ResealingService, in the bytes of the files of SQLite', () => {
  const PLAIN = 'WORDS-THAT-WERE-PLAIN';

  it('has removed plain text and what older keys sealed before it says that it is done', async () => {
    const folder = await temporaryFolder();
    const database = await SqliteDatabase.open(folder);
    const older = key('older');
    for (const [sealer, clientId] of [
      [new Sealer([]), 'plain'],
      [new Sealer([older]), 'sealed'],
    ] as const) {
      for (let n = 0; n < 60; n++) {
        await inTransaction(database.kysely, (trx) =>
          conversationRepositories(database, sealer).conversations.appendTurn(trx, {
            scope: { accountId: 'acct_1', chatbotId: 'bot_1', clientId: `${clientId} ${n}` },
            id: newConversationRowId(),
            existed: false,
            model: 'bot_1',
            messages: [user(`${PLAIN} `.repeat(1 + ((n * 29) % 160))), assistant(`${PLAIN} ${n}`)],
            requestId: newRequestId(AT_MS),
            atMs: AT_MS,
          }),
        );
      }
    }
    const bodies = await database.kysely
      .selectFrom('conversation_messages')
      .select('body')
      .where('sealed_with', '=', 'older')
      .execute();
    // The beginning of each: long ones go on elsewhere in the file.
    const old = [PLAIN, ...bodies.map(({ body }) => body.slice(0, 60))];
    const found = (): number => {
      const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)).toString('latin1'));
      return old.filter((text) => files.some((bytes) => bytes.includes(text))).length;
    };
    expect(found()).toBe(old.length);

    lines.splice(0);
    const foundThen: number[] = [];
    whenLogged = () => foundThen.push(found());
    expect(await resealingWith(database, new Sealer([key('newer'), older])).reseal()).toBe(360);
    whenLogged = () => undefined;
    expect(lines).toEqual([
      'sealed 360 texts anew with newer',
      'nothing is sealed with older any more: CONVERSATION_KEYS does not need it',
    ]);
    expect(foundThen).toEqual([0, 0]);
    await database.close();
    rmSync(folder, { recursive: true });
  });
});
