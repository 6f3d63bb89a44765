import { beforeAll, describe, expect, it } from '@jest/globals';
import { AccountRepository } from '../../src/accounts/account.repository.js';
import type { NewApiKey } from '../../src/auth/api-key.js';
import { PresentedKeyRepository } from '../../src/auth/presented-key.repository.js';
import { ApiKeyRepository } from '../../src/accounts/api-key.repository.js';
import { PriceVersionRepository, type PriceVersion } from '../../src/billing/price-version.repository.js';
import { UsageRepository } from '../../src/billing/usage.repository.js';
import type { Database } from '../../src/persistence/database.js';
import { SettingsRepository } from '../../src/persistence/settings.repository.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { eachDatabase } from '../support/databases.js';
import { usageRecord } from './fixtures/usage-record.js';

function newKey(overrides: Partial<NewApiKey> = {}): NewApiKey {
  return {
    id: 'key_1',
    accountId: 'acct_1',
    name: 'first',
    displayPrefix: 'sk-tg-abcd',
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    allowedModels: undefined,
    createdAtMs: 1_790_000_000_000,
    expiresAtMs: undefined,
    revokedAtMs: undefined,
    secretSha256: 'a'.repeat(64),
    ...overrides,
  };
}

eachDatabase((_kind, open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
    const accounts = new AccountRepository(database);
    await accounts.insert({ id: 'acct_1', name: 'Ada', createdAtMs: 1_790_000_000_000 });
    await accounts.insert({ id: 'acct_2', name: 'Bob', createdAtMs: 1_790_000_000_001 });
  });

  describe('AccountRepository', () => {
    it('finds what was inserted', async () => {
      const accounts = new AccountRepository(database);
      expect(await accounts.find('acct_1')).toEqual({
        id: 'acct_1',
        name: 'Ada',
        createdAtMs: 1_790_000_000_000,
        version: 1,
      });
      expect(await accounts.find('acct_9')).toBeUndefined();
    });
  });

  describe('ApiKeyRepository', () => {
    it('finds a key by the hash of its secret, with all that it carries', async () => {
      const keys = new ApiKeyRepository(database);
      const plain = newKey();
      const full = newKey({
        id: 'key_2',
        secretSha256: 'b'.repeat(64),
        requestsPerMinute: 60,
        tokensPerMinute: 100_000,
        allowedModels: ['sandbox/chat', 'google/gemini-2.5-flash'],
        expiresAtMs: 1_800_000_000_000,
        revokedAtMs: 1_795_000_000_000,
      });
      await keys.insert(plain);
      await keys.insert(full);
      const presented = new PresentedKeyRepository(database);
      for (const { secretSha256, ...row } of [plain, full]) {
        expect(await presented.findBySecretHash(secretSha256)).toEqual({
          ...row,
          manageChatbots: false,
          readConversations: true,
        });
      }
      expect(await presented.findBySecretHash('c'.repeat(64))).toBeUndefined();
      expect(await keys.countAll()).toBe(2);
    });

    it('S4: takes any text for a hash, as text', async () => {
      const presented = new PresentedKeyRepository(database);
      expect(await presented.findBySecretHash(`' or '1'='1`)).toBeUndefined();
    });

    it('S33: shows and revokes a key to its own account only', async () => {
      const keys = new ApiKeyRepository(database);
      await keys.insert(newKey({ id: 'key_own', secretSha256: 'd'.repeat(64) }));
      expect(await keys.find('acct_2', 'key_own')).toBeUndefined();
      expect(await keys.revoke('acct_2', 'key_own', 5)).toBe(false);
      expect(await keys.find('acct_1', 'key_own')).toMatchObject({ revokedAtMs: undefined });
    });

    it('revokes once: the first time stays', async () => {
      const keys = new ApiKeyRepository(database);
      await keys.insert(newKey({ id: 'key_gone', secretSha256: 'e'.repeat(64) }));
      expect(await keys.revoke('acct_1', 'key_gone', 1_791_000_000_000)).toBe(true);
      expect(await keys.revoke('acct_1', 'key_gone', 1_792_000_000_000)).toBe(false);
      expect((await keys.find('acct_1', 'key_gone'))?.revokedAtMs).toBe(1_791_000_000_000);
    });

    it('refuses a second key with the same secret, and a key of no account', async () => {
      const keys = new ApiKeyRepository(database);
      await keys.insert(newKey({ id: 'key_a', secretSha256: 'f'.repeat(64) }));
      await expect(keys.insert(newKey({ id: 'key_b', secretSha256: 'f'.repeat(64) }))).rejects.toThrow(
        /unique/i,
      );
      await expect(
        keys.insert(newKey({ id: 'key_c', accountId: 'acct_9', secretSha256: '9'.repeat(64) })),
      ).rejects.toThrow(/foreign key/i);
    });
  });

  describe('PriceVersionRepository', () => {
    it('keeps a version as it was first stored', async () => {
      const prices = new PriceVersionRepository(database);
      const first: PriceVersion = {
        version: 'v1',
        model: 'sandbox/chat',
        promptPicoUsdPerToken: 300_000n,
        completionPicoUsdPerToken: 2_500_000n,
        cachedPromptPicoUsdPerToken: 18_750n,
        source: 'config',
        effectiveFromMs: 1_790_000_000_000,
      };
      const { cachedPromptPicoUsdPerToken: _none, ...second } = { ...first, version: 'v2' };
      await prices.upsertMany([first]);
      await prices.upsertMany([{ ...first, promptPicoUsdPerToken: 1n }, second]);
      expect(await prices.find('v1')).toEqual(first);
      expect(await prices.find('v2')).toEqual(second);
      expect(await prices.find('v3')).toBeUndefined();
    });
  });

  describe('UsageRepository', () => {
    it('stores a record once per request id: the first', async () => {
      const usage = new UsageRepository(database);
      const first = usageRecord({
        requestId: 'req_a',
        clientRequestId: undefined,
        finishReason: undefined,
        firstTokenMs: undefined,
      });
      await usage.insertMany(database.kysely, [first]);
      await usage.insertMany(database.kysely, [
        usageRecord({ requestId: 'req_b' }),
        usageRecord({ requestId: 'req_a', costNanoUsd: 9n }),
        usageRecord({ requestId: 'req_b', costNanoUsd: 9n }),
      ]);
      expect((await usage.findByRequestId('acct_1', 'req_b'))?.costNanoUsd).toBe(1_244_100n);
      expect(await usage.findByRequestId('acct_1', 'req_a')).toEqual(first);
    });

    it('S33: shows a record to its own account only', async () => {
      const usage = new UsageRepository(database);
      await usage.insertMany(database.kysely, [usageRecord({ requestId: 'req_own' })]);
      expect(await usage.findByRequestId('acct_2', 'req_own')).toBeUndefined();
    });

    it.each([1, 3, 50, 128, 300])('stores %i records in one call', async (count) => {
      const usage = new UsageRepository(database);
      const records = Array.from({ length: count }, (_, i) =>
        usageRecord({ requestId: `req_${count}_${i}` }),
      );
      await inTransaction(database.kysely, (trx) => usage.insertMany(trx, records));
      expect(await usage.findByRequestId('acct_1', `req_${count}_${count - 1}`)).toEqual(records.at(-1));
    });
  });

  describe('SettingsRepository', () => {
    it('keeps the first value', async () => {
      const settings = new SettingsRepository(database);
      expect(await settings.find('colour')).toBeUndefined();
      expect(await settings.putIfAbsent('colour', 'red')).toBe(true);
      expect(await settings.putIfAbsent('colour', 'blue')).toBe(false);
      expect(await settings.find('colour')).toBe('red');
    });

    it('lets one of several starters do the first boot, and the others see all of it', async () => {
      const settings = new SettingsRepository(database);
      const accounts = new AccountRepository(database);
      const boot = (starter: string) =>
        inTransaction(database.kysely, async (trx) => {
          const won = await settings.putIfAbsent('first_account', starter, trx);
          if (won) await accounts.insert({ id: `acct_${starter}`, name: starter, createdAtMs: 0 }, trx);
          const winner = await settings.find('first_account', trx);
          return { won, account: await accounts.find(`acct_${winner}`, trx) };
        });
      const boots = await Promise.all(['a', 'b', 'c', 'd'].map(boot));
      expect(boots.filter(({ won }) => won)).toHaveLength(1);
      expect(new Set(boots.map(({ account }) => account?.id)).size).toBe(1);
      expect(boots[0]?.account).toBeDefined();
    });

    it('forgets what a transaction wrote that did not commit', async () => {
      const settings = new SettingsRepository(database);
      const failure = inTransaction(database.kysely, async (trx) => {
        await settings.putIfAbsent('shape', 'round', trx);
        throw new Error('no');
      });
      await expect(failure).rejects.toThrow('no');
      expect(await settings.find('shape')).toBeUndefined();
    });
  });
});
