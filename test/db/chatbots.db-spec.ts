import { beforeAll, describe, expect, it } from '@jest/globals';
import { AccountRepository } from '../../src/accounts/account.repository.js';
import type { Chatbot, ChatbotSettings, ChatbotVersion } from '../../src/chatbots/chatbot.js';
import { ChatbotListsRepository, type ListedChatbot } from '../../src/chatbots/chatbot-lists.repository.js';
import { ChatbotModelsService } from '../../src/chatbots/chatbot-models.service.js';
import { ChatbotRepository, type VersionName } from '../../src/chatbots/chatbot.repository.js';
import { CACHE_TTL_MS, ChatbotsService } from '../../src/chatbots/chatbots.service.js';
import { newChatbotId } from '../../src/common/ids/ids.js';
import type { Principal } from '../../src/common/principal.js';
import { AccountModelsService } from '../../src/models/account-models.service.js';
import { CatalogueService } from '../../src/models/catalogue.service.js';
import type { Database } from '../../src/persistence/database.js';
import { aModel, anAppConfig, anUpstream } from '../support/catalogue-builders.js';
import { eachDatabase } from '../support/databases.js';
import { ManualClock } from '../support/manual-clock.js';

const SETTINGS: ChatbotSettings = {
  name: 'Support',
  description: '',
  model: 'sandbox/echo',
  systemPrompt: 'You help {{name}}.',
  variables: JSON.parse('{"name":"you","__proto__":"odd"}') as Record<string, string>,
  sampling: { temperature: 0.2, stop: ['END'] },
  tools: [{ type: 'function', function: { name: 'find' } }],
  toolChoice: 'auto',
  memory: { kind: 'window' },
  overrides: ['temperature'],
  acceptsInstructions: false,
};

function chatbot(overrides: Partial<Chatbot> = {}): Chatbot {
  return {
    id: newChatbotId(),
    accountId: 'acct_1',
    keyIds: undefined,
    newestVersion: 1,
    publishedVersion: 1,
    revision: 1,
    createdAtMs: 1_790_000_000_000,
    updatedAtMs: 1_790_000_000_000,
    ...overrides,
  };
}

const version = ({ id }: Chatbot, number = 1, settings = SETTINGS): ChatbotVersion => ({
  chatbotId: id,
  version: number,
  settings,
  restoredFrom: undefined,
  createdAtMs: 1_790_000_000_000,
});

const principal = (overrides: Partial<Principal> = {}): Principal => ({
  accountId: 'acct_1',
  keyId: 'key_1',
  requestsPerMinute: 1,
  tokensPerMinute: 1,
  allowedModels: null,
  maxConcurrency: null,
  budget: null,
  manageChatbots: false,
  readConversations: true,
  conversationRetentionDays: null,
  ...overrides,
});

/** Counts look-ups, and lets a test in between the reading of a row and its use. */
class WatchedRepository extends ChatbotRepository {
  lookUps = 0;
  afterRead: () => Promise<void> = () => Promise.resolve();

  override async find(accountId: string | undefined, id: string, name: VersionName) {
    this.lookUps += 1;
    const found = await super.find(accountId, id, name);
    await this.afterRead();
    return found;
  }
}

class WatchedLists extends ChatbotListsRepository {
  reads = 0;

  override listPublished(accountId: string): Promise<ListedChatbot[]> {
    this.reads += 1;
    return super.listPublished(accountId);
  }
}

function house(database: Database) {
  const clock = new ManualClock();
  const watched = new WatchedRepository(database);
  return { clock, watched, service: new ChatbotsService(watched, clock) };
}

eachDatabase((_kind, open) => {
  let database: Database;
  let repository: ChatbotRepository;

  beforeAll(async () => {
    database = await open();
    const accounts = new AccountRepository(database);
    for (const id of ['acct_1', 'acct_2']) await accounts.insert({ id, name: id, createdAtMs: 1 });
    repository = new ChatbotRepository(database);
  });

  async function stored(bot: Chatbot, versions = [version(bot)]): Promise<Chatbot> {
    await repository.insert(bot);
    for (const one of versions) await repository.insertVersion(one);
    return bot;
  }

  describe('ChatbotRepository', () => {
    it('gives back what was stored, in the version that is asked for', async () => {
      const bot = chatbot({ keyIds: ['key_1'], newestVersion: 3, publishedVersion: 2 });
      const versions = [1, 2, 3].map((n) => version(bot, n, { ...SETTINGS, name: `v${n}` }));
      await stored(bot, versions);
      for (const [name, n] of [
        ['published', 2],
        ['draft', 3],
        [1, 1],
      ] as const) {
        expect(await repository.find('acct_1', bot.id, name)).toEqual({
          chatbot: bot,
          version: versions[n - 1],
        });
      }
      expect(await repository.find('acct_1', bot.id, 4)).toBeUndefined();
      expect(await repository.find('acct_2', bot.id, 'published')).toBeUndefined();
      expect(await repository.find(undefined, bot.id, 'published')).toMatchObject({ chatbot: bot });
    });

    it('changes a chatbot only as it was read, and removes it with its versions', async () => {
      const bot = await stored(chatbot());
      expect(await repository.update(bot.id, 2, bot)).toBeUndefined();
      const changed = await repository.update(bot.id, 1, { ...bot, publishedVersion: undefined });
      expect(changed).toEqual({ ...bot, publishedVersion: undefined, revision: 2 });
      expect(await repository.delete('acct_2', bot.id, undefined)).toBeUndefined();
      expect(await repository.delete('acct_1', bot.id, undefined)).toBe('acct_1');
      expect(await repository.findVersion(bot.id, 1)).toBeUndefined();
    });

    it('refuses to publish a version that was never made', async () => {
      const bot = await stored(chatbot());
      await expect(repository.update(bot.id, 1, { ...bot, publishedVersion: 2 })).rejects.toThrow(
        /constraint/i,
      );
    });
  });

  describe('ChatbotsService', () => {
    it('answers from memory, and asks again when what it knows has grown old', async () => {
      const { clock, watched, service } = house(database);
      const bot = await stored(chatbot());
      for (let i = 0; i < 3; i += 1) {
        expect(await service.resolve(bot.id, principal())).toMatchObject({ chatbot: bot });
      }
      clock.pass(CACHE_TTL_MS - 1);
      await service.resolve(bot.id, principal());
      expect(watched.lookUps).toBe(1);
      await repository.update(bot.id, 1, { ...bot, keyIds: [] });
      clock.pass(1);
      await expect(service.resolve(bot.id, principal())).rejects.toMatchObject({ code: 'model_not_allowed' });
      expect(watched.lookUps).toBe(2);
    });

    it('a change in this process is seen at once, also one that overtook a look-up', async () => {
      const { watched, service } = house(database);
      const bot = await stored(chatbot());
      const change = async (): Promise<void> => {
        watched.afterRead = () => Promise.resolve();
        await repository.update(bot.id, 1, { ...bot, publishedVersion: undefined });
        service.forget('acct_1', bot.id);
      };
      watched.afterRead = change;
      await service.resolve(bot.id, principal());
      await expect(service.resolve(bot.id, principal())).rejects.toMatchObject({ code: 'model_not_found' });
    });

    it('what does not exist is not remembered: it may be made a moment later', async () => {
      const { service } = house(database);
      const bot = chatbot();
      await expect(service.resolve(bot.id, principal())).rejects.toMatchObject({ code: 'model_not_found' });
      await stored(bot);
      expect(await service.resolve(bot.id, principal())).toMatchObject({ chatbot: bot });
    });

    it('S33: says the same of another account’s chatbot, in memory or not, as of one that never was', async () => {
      const { watched, service } = house(database);
      const bot = await stored(chatbot());
      await service.resolve(bot.id, principal());
      const messageOf = async (id: string, who: Principal): Promise<string> =>
        service.resolve(id, who).then(
          () => 'resolved',
          (error: unknown) => `${(error as { code: string }).code} ${(error as Error).message}`,
        );
      const theirs = principal({ accountId: 'acct_2', manageChatbots: true });
      for (const suffix of ['', '@1', '@draft', '@9']) {
        const never = newChatbotId();
        const lookUps = watched.lookUps;
        const expected = await messageOf(never + suffix, theirs);
        const forUnknown = watched.lookUps - lookUps;
        expect(expected).toContain('model_not_found');
        expect(await messageOf(bot.id + suffix, theirs)).toBe(expected.replace(never, bot.id));
        expect(watched.lookUps - lookUps).toBe(2 * forUnknown);
      }
    });

    it('keys without the right to manage know of no versions and no drafts', async () => {
      const { service } = house(database);
      const bot = await stored(chatbot({ publishedVersion: undefined }));
      for (const suffix of ['', '@1', '@draft']) {
        const refused = service.resolve(bot.id + suffix, principal());
        await expect(refused).rejects.toMatchObject({
          code: 'model_not_found',
          message: `The model \`${bot.id}${suffix}\` does not exist or you do not have access to it.`,
        });
      }
      const manager = principal({ manageChatbots: true });
      for (const suffix of ['@1', '@draft']) {
        expect(await service.resolve(bot.id + suffix, manager)).toMatchObject({ version: { version: 1 } });
      }
      await expect(service.resolve(bot.id, manager)).rejects.toMatchObject({
        code: 'model_not_found',
        message: expect.stringContaining('not published'),
      });
    });

    it('a key needs to be among the chatbot’s, and the chatbot among the key’s models', async () => {
      const { service } = house(database);
      const all = await stored(chatbot());
      const closed = await stored(chatbot({ keyIds: ['key_2'] }));
      const refusal = { code: 'model_not_allowed', param: 'model' };
      await expect(service.resolve(closed.id, principal())).rejects.toMatchObject(refusal);
      const manager = principal({ manageChatbots: true });
      await expect(service.resolve(`${closed.id}@1`, manager)).rejects.toMatchObject(refusal);
      await expect(service.resolve(closed.id, principal({ keyId: 'key_2' }))).resolves.toBeDefined();
      const onlyModel = principal({ allowedModels: ['sandbox/echo'] });
      await expect(service.resolve(all.id, onlyModel)).rejects.toMatchObject(refusal);
      await expect(service.resolve(all.id, principal({ allowedModels: [all.id] }))).resolves.toBeDefined();
    });
  });

  describe('ChatbotModelsService', () => {
    const config = anAppConfig({ upstreams: [anUpstream()], models: [aModel({ id: SETTINGS.model })] });

    it('lists from memory what callers can use, and asks again when that has grown old', async () => {
      const accountId = 'acct_listing';
      await new AccountRepository(database).insert({ id: accountId, name: 'x', createdAtMs: 1 });
      const who = principal({ accountId });
      const { clock, watched, service } = house(database);
      const lists = new WatchedLists(database);
      const catalogue = new CatalogueService(config, clock);
      const models = new ChatbotModelsService(new AccountModelsService(), catalogue, service, lists, clock);
      const idsNow = async () => (await models.list(who)).map(({ id }) => id);

      expect(await idsNow()).toEqual([]);
      const bot = await stored(chatbot({ accountId }));
      clock.pass(CACHE_TTL_MS - 1);
      expect(await idsNow()).toEqual([]);
      expect(lists.reads).toBe(1);
      clock.pass(1);
      expect(await idsNow()).toEqual([bot.id]);
      await repository.update(bot.id, 1, { ...bot, publishedVersion: undefined });
      expect(await idsNow()).toEqual([bot.id]);
      // As a change in this process does.
      service.forget(accountId, bot.id);
      expect(await idsNow()).toEqual([]);
      expect([lists.reads, watched.lookUps]).toEqual([3, 0]);
    });
  });
});
