import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { newChatCompletionId, newConversationRowId, newRequestId } from '../../src/common/ids/ids.js';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import type { Database } from '../../src/persistence/database.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase, temporaryFolder } from '../support/databases.js';

const AT_MS = 1_790_000_000_000;
/** In everything that is erased in these tests, and in nothing else. */
const MARK = 'WORDS-OF-THE-ERASED';

const lines: string[] = [];
const keepLine = (line: unknown): void => void lines.push(String(line));
beforeAll(() => Logger.overrideLogger({ log: keepLine, warn: keepLine, error: keepLine }));
afterAll(() => Logger.overrideLogger(false));
beforeEach(() => void lines.splice(0));

const execution = (idempotencyKey: string, requestId: string) => ({
  accountId: 'acct_1',
  idempotencyKey,
  requestId,
});

/** The same numbers from 0 to 1 for the same seed. */
function numbers(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A conversation under way in a test. */
interface Thread {
  readonly id: string;
  readonly clientId: string;
  readonly word: string;
  turns: number;
}

/** Repositories over one database, and a life of conversations in it. */
class Scene {
  readonly repositories: ConversationRepositories;
  readonly threads: Thread[] = [];

  constructor(
    private readonly database: Database,
    private readonly random: () => number,
  ) {
    this.repositories = conversationRepositories(database);
  }

  /** Some text, short or long, that says a word again and again; some of it in characters of several bytes. */
  say(word: string): string {
    const kind = this.random();
    const bytes = kind < 0.5 ? 20 + kind * 500 : kind < 0.85 ? 2000 : kind < 0.97 ? 4000 : 50_000;
    const unit = kind < 0.7 ? `${word} ` : `🙂${word}-żółć-`;
    return unit.repeat(Math.max(1, Math.round((bytes * this.random()) / unit.length)));
  }

  /** A conversation of short messages, some of them of a request whose answer is kept. */
  async beginLong(messages: number): Promise<Thread> {
    const thread = await this.begin('long');
    await inTransaction(this.database.kysely, (trx) =>
      this.repositories.conversations.appendTurn(trx, {
        scope: { accountId: 'acct_1', chatbotId: 'bot_1', clientId: thread.clientId },
        id: thread.id,
        existed: true,
        model: 'bot_1',
        messages: Array.from({ length: messages }, () => ({ role: 'user', content: 'x' })),
        requestId: newRequestId(AT_MS),
        atMs: AT_MS,
        departsAfterSeq: undefined,
      }),
    );
    await this.turn(thread);
    return thread;
  }

  /** A conversation of messages of eight megabytes. */
  async beginBig(messages: number): Promise<Thread> {
    const thread = await this.begin('big');
    for (let n = 0; n < messages; n += 1) {
      const message = { role: 'user' as const, content: 'x'.repeat(8_000_000) };
      await this.repositories.records.addMessages('acct_1', thread.id, [message], AT_MS);
    }
    return thread;
  }

  async begin(word: string): Promise<Thread> {
    const id = newConversationRowId();
    const thread = { id, clientId: `${word} of ${id}`, word, turns: 0 };
    await this.turn(thread);
    this.threads.push(thread);
    return thread;
  }

  /** A turn with its kept answer; now and then the client's history departs from what is stored. */
  async turn(thread: Thread): Promise<void> {
    const messages: ChatMessage[] = [
      { role: 'user', content: this.say(thread.word) },
      { role: 'assistant', content: this.say(thread.word) },
    ];
    const requestId = newRequestId(AT_MS);
    const record = {
      accountId: 'acct_1',
      idempotencyKey: requestId,
      fingerprint: 'f'.repeat(64),
      owner: 'p',
      requestId,
      createdAtMs: AT_MS,
    };
    await this.repositories.answers.insert(record);
    await inTransaction(this.database.kysely, async (trx) => {
      await this.repositories.answers.keep(trx, execution(requestId, requestId), {
        body: this.say(thread.word),
        conversationId: thread.clientId,
      });
      await this.repositories.conversations.appendTurn(trx, {
        scope: { accountId: 'acct_1', chatbotId: 'bot_1', clientId: thread.clientId },
        id: thread.id,
        existed: thread.turns > 0,
        model: 'bot_1',
        messages,
        requestId,
        atMs: AT_MS + thread.turns,
        departsAfterSeq: this.random() < 0.15 ? thread.turns : undefined,
      });
    });
    thread.turns += 1;
  }

  /** Hundreds of rows: half of the conversations say `MARK`, and rows come and go among them. */
  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const kind = this.random();
      const thread = this.threads[Math.floor(this.random() * this.threads.length)];
      if (thread === undefined || kind < 0.15) {
        await this.begin(this.random() < 0.5 ? MARK : 'ordinary');
      } else if (kind < 0.8) {
        await this.turn(thread);
      } else if (kind < 0.9) {
        const title = this.say(thread.word).slice(0, 600);
        await this.repositories.records.changeHead('acct_1', thread.id, {
          title,
          metadata: { of: thread.word },
        });
      } else if (thread.word === 'ordinary') {
        await this.eraseQuickly(thread);
      }
    }
  }

  /** As `erase`, without waiting for the files. */
  async eraseQuickly(thread: Thread): Promise<void> {
    this.threads.splice(this.threads.indexOf(thread), 1);
    const { kysely } = this.database;
    await kysely.deleteFrom('conversation_messages').where('conversation_id', '=', thread.id).execute();
    await kysely.deleteFrom('conversations').where('id', '=', thread.id).execute();
  }

  marked(): Thread[] {
    return this.threads
      .filter(({ word }) => word === MARK)
      .map((thread) => ({ thread, place: this.random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ thread }) => thread);
  }
}

eachDatabase((_kind, open) => {
  describe('ErasureRepository', () => {
    let database: Database;
    let scene: Scene;
    beforeAll(async () => {
      database = await open();
      scene = new Scene(database, numbers(1));
    });

    async function rowsOf(id: string): Promise<number> {
      const messages = await database.kysely
        .selectFrom('conversation_messages')
        .select('id')
        .where('conversation_id', '=', id)
        .execute();
      return messages.length;
    }

    it('erases a conversation with the answers kept for its requests, and nothing of others', async () => {
      const [gone, stays] = [await scene.begin('a'), await scene.begin('b')];
      await scene.turn(gone);
      expect(await scene.repositories.erasure.erase('acct_2', gone.id, 'conversation')).toBe(false);
      expect(await scene.repositories.erasure.erase('acct_1', gone.id, 'conversation')).toBe(true);
      expect(await scene.repositories.erasure.erase('acct_1', gone.id, 'conversation')).toBe(false);
      expect(await rowsOf(gone.id)).toBe(0);
      expect(await rowsOf(stays.id)).toBeGreaterThan(0);
      const kept = await database.kysely
        .selectFrom('idempotency_records')
        .select(['conversation_id', 'body', 'fingerprint'])
        .execute();
      const [ofOthers, ...erased] = kept.toSorted((a, b) => (b.body ?? '').length - (a.body ?? '').length);
      expect(ofOthers).toMatchObject({ conversation_id: stays.clientId, body: expect.stringContaining('b') });
      // That there was an answer is all that is left of two turns.
      const nothing = { conversation_id: null, body: '', fingerprint: '0'.repeat(64) };
      expect(erased).toEqual([nothing, nothing]);
    });

    it('erases a stored completion with the answer kept for its request', async () => {
      const [id, requestId] = [newChatCompletionId(), newRequestId(AT_MS)];
      await scene.repositories.answers.insert({
        accountId: 'acct_1',
        idempotencyKey: 'k',
        fingerprint: 'f'.repeat(64),
        owner: 'p',
        requestId,
        createdAtMs: AT_MS,
      });
      await inTransaction(database.kysely, async (trx) => {
        await scene.repositories.answers.keep(trx, execution('k', requestId), {
          body: 'b',
          conversationId: undefined,
        });
        await scene.repositories.completions.store(trx, {
          id,
          accountId: 'acct_1',
          model: 'm',
          metadata: {},
          answer: '{}',
          requestId,
          createdAtMs: AT_MS,
          messages: [{ role: 'user', content: 'x' }],
        });
      });
      expect(await scene.repositories.erasure.erase('acct_1', id, 'conversation')).toBe(false);
      expect(await scene.repositories.erasure.erase('acct_1', id, 'completion')).toBe(true);
      expect(await scene.repositories.completions.find('acct_1', id)).toBeUndefined();
      expect(await scene.repositories.answers.find('acct_1', 'k')).toMatchObject({
        state: 'erased',
        storedBytes: 0,
      });
      expect(await rowsOf(id)).toBe(0);
      // Where the acknowledgement of its commit is lost, a charge is written again, and its answer with it.
      await scene.repositories.answers.keep(database.kysely, execution('k', requestId), {
        body: 'b',
        conversationId: undefined,
      });
      expect(await scene.repositories.answers.find('acct_1', 'k')).toMatchObject({ state: 'erased' });
    });

    it('erases all of an account, or what has not changed for long', async () => {
      await scene.repositories.erasure.eraseAccount('acct_1');
      const threads: Thread[] = [];
      for (let n = 0; n < 45; n++) threads.push(await scene.begin('c'));
      for (const thread of threads.slice(0, 22)) await scene.turn(thread);
      expect(await scene.repositories.erasure.eraseAccount('acct_2')).toBe(0);
      expect(await scene.repositories.erasure.deleteUnchanged('acct_1', AT_MS + 1)).toBe(23);
      expect(await scene.repositories.erasure.deleteUnchanged('acct_1', AT_MS + 1)).toBe(0);
      expect(await rowsOf(threads[0]?.id ?? '')).toBeGreaterThan(0);
      expect(await scene.repositories.erasure.eraseAccount('acct_1')).toBe(22);
      const left = await database.kysely
        .selectFrom('idempotency_records')
        .select('request_id')
        .where('body', '!=', '')
        .execute();
      expect(left).toEqual([]);
    });

    /** Answers that are still kept. */
    const keptAnswers = async (): Promise<string[]> => {
      const rows = await database.kysely
        .selectFrom('idempotency_records')
        .select('request_id')
        .where('body', '!=', '')
        .execute();
      return rows.map(({ request_id }) => request_id);
    };

    it('erases a conversation of many messages in parts, each of which leaves nothing to be found', async () => {
      const [gone, stays] = [await scene.beginLong(9_000), await scene.beginLong(10)];
      expect(await keptAnswers()).toHaveLength(4);
      expect(await scene.repositories.erasure.erase('acct_1', gone.id, 'conversation')).toBe(true);
      expect(await rowsOf(gone.id)).toBe(0);
      expect(await rowsOf(stays.id)).toBe(14);
      expect(await keptAnswers()).toHaveLength(2);
      expect(await scene.repositories.erasure.finishErasures()).toBe(0);
    });

    it.each([
      ['many messages', (living: Scene) => living.beginLong(9_000)],
      ['many megabytes', (living: Scene) => living.beginBig(6)],
    ])('ends what a process that died had begun: %s', async (_what, begin) => {
      const gone = await begin(scene);
      let parts = 0;
      const dying = new Proxy(database, {
        get: (target, property) => {
          if (property !== 'deleting') return Reflect.get(target, property, target) as unknown;
          parts += 1;
          if (parts > 2) throw new Error('killed');
          return target.deleting.bind(target);
        },
      });
      const { erasure } = conversationRepositories(dying);
      await expect(erasure.erase('acct_1', gone.id, 'conversation')).rejects.toThrow('killed');
      const scope = { accountId: 'acct_1', chatbotId: 'bot_1', clientId: gone.clientId };
      expect(await scene.repositories.conversations.recall(scope, 1)).toBeUndefined();
      expect(await rowsOf(gone.id)).toBeGreaterThan(0);
      expect(await scene.repositories.erasure.finishErasures()).toBe(1);
      expect(await rowsOf(gone.id)).toBe(0);
      expect(await scene.repositories.erasure.finishErasures()).toBe(0);
    });

    it('erases with all of an account the answers that were kept for requests of no conversation', async () => {
      const requestId = newRequestId(AT_MS);
      for (const accountId of ['acct_1', 'acct_2']) {
        const name = { ...execution(`of ${accountId}`, requestId), accountId };
        const record = { ...name, fingerprint: 'f'.repeat(64), owner: 'p', createdAtMs: AT_MS };
        await scene.repositories.answers.insert(record);
        await scene.repositories.answers.keep(database.kysely, name, {
          body: 'b',
          conversationId: undefined,
        });
      }
      await scene.repositories.erasure.eraseAccount('acct_1');
      const find = (accountId: string) => scene.repositories.answers.find(accountId, `of ${accountId}`);
      expect(await find('acct_1')).toMatchObject({ state: 'erased', storedBytes: 0 });
      expect(await find('acct_2')).toMatchObject({ state: 'kept', storedBytes: 1 });
    });
  });
});

describe('erasure, in the bytes of the files of SQLite', () => {
  let folder: string;
  let database: SqliteDatabase;
  beforeEach(async () => {
    folder = await temporaryFolder();
    database = await SqliteDatabase.open(folder);
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });

  /** How often the mark stands in each file of the database. */
  function marks(): Record<string, number> {
    const files = readdirSync(folder).filter((name) => name.startsWith('tollgate.db'));
    return Object.fromEntries(
      files.map((name) => [name, readFileSync(join(folder, name)).toString('latin1').split(MARK).length - 1]),
    );
  }
  const NONE = { 'tollgate.db': 0, 'tollgate.db-shm': 0, 'tollgate.db-wal': 0 };

  it.each([1, 2])(
    'leaves nothing of conversations that lived among others (seed %d)',
    async (seed) => {
      const scene = new Scene(database, numbers(seed));
      await scene.live(600);
      const before = marks();
      expect(Number(before['tollgate.db']) + Number(before['tollgate.db-wal'])).toBeGreaterThan(5_000);

      const marked = scene.marked();
      expect(marked.length).toBeGreaterThan(20);
      // One after the other, as their owners would; the files are looked after together.
      await Promise.all(
        marked.map(({ id }) => scene.repositories.erasure.erase('acct_1', id, 'conversation')),
      );
      expect(marks()).toEqual(NONE);
      expect(lines).toEqual([]);

      // What stays is as it was.
      for (const { id, word } of scene.threads.filter((thread) => thread.word !== MARK)) {
        const { rows } = await scene.repositories.messages.list(id, { order: 'asc', limit: 1000 });
        expect(rows.length).toBeGreaterThan(0);
        for (const { message } of rows) expect(message.content).toContain(word);
      }
      const check = new DatabaseSync(join(folder, 'tollgate.db'), { readOnly: true });
      expect(check.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
      check.close();
    },
    60_000,
  );

  it('leaves nothing when the whole account is erased at once', async () => {
    const scene = new Scene(database, numbers(5));
    for (let n = 0; n < 150; n++) await scene.begin(MARK);
    expect(Number(marks()['tollgate.db-wal'])).toBeGreaterThan(0);
    expect(await scene.repositories.erasure.eraseAccount('acct_1')).toBe(150);
    expect(marks()).toEqual(NONE);
  });

  it('waits while another program reads the database, says so, and goes on when that ends', async () => {
    const scene = new Scene(database, numbers(6));
    const { id } = await scene.begin(MARK);
    const reader = new DatabaseSync(join(folder, 'tollgate.db'), { readOnly: true });
    reader.exec('begin');
    reader.prepare('select count(*) from conversations').get();
    let erased = false;
    const erasing = scene.repositories.erasure.erase('acct_1', id, 'conversation').then(() => {
      erased = true;
    });
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lines.join()).toContain('another program reads or writes the database');
    expect(erased).toBe(false);
    expect(await scene.repositories.records.find('acct_1', id)).toBeUndefined();
    reader.exec('commit');
    reader.close();
    await erasing;
    expect(marks()).toEqual(NONE);
  });

  it('finishes after the next start what a process that died had deleted and not removed', async () => {
    const scene = new Scene(database, numbers(7));
    await scene.live(150);
    for (const thread of scene.marked()) await scene.eraseQuickly(thread);
    await database.kysely.deleteFrom('idempotency_records').execute();
    expect(Number(marks()['tollgate.db-wal'])).toBeGreaterThan(0);
    await database.close();
    database = await SqliteDatabase.open(folder);
    await database.purgeDeleted();
    expect(marks()).toEqual(NONE);
  });
});
