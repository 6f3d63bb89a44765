import { describe, expect, it } from '@jest/globals';
import { anAppConfig } from '../support/catalogue-builders.js';
import { eachDatabase } from '../support/databases.js';
import { ManualClock } from '../support/manual-clock.js';
import type { AppConfig } from '../../src/config/app-config.js';
import type { Database } from '../../src/persistence/database.js';
import { AccountRepository } from '../../src/accounts/account.repository.js';
import type { NewApiKey, PresentedApiKey } from '../../src/auth/api-key.js';
import { ApiKeyRepository } from '../../src/accounts/api-key.repository.js';
import { ApiKeyService } from '../../src/auth/api-key.service.js';
import { PresentedKeyRepository } from '../../src/auth/presented-key.repository.js';
import { FailedAttemptsService } from '../../src/auth/failed-attempts.service.js';
import { displayPrefix, hashSecret, newApiKeySecret } from '../../src/auth/secret.js';

const ADDRESS = '203.0.113.7';
const WRONG = 'sk-tg-0000000000000000000000000000000000000000000';

/** Counts look-ups, and lets a test in between the reading of a row and its use. */
class WatchedRepository extends PresentedKeyRepository {
  lookUps = 0;
  /** Also those that look up many. */
  statements = 0;
  afterRead: () => Promise<void> = () => Promise.resolve();

  override async findBySecretHash(hash: string): Promise<PresentedApiKey | undefined> {
    this.lookUps += 1;
    const row = await super.findBySecretHash(hash);
    await this.afterRead();
    return row;
  }

  override findBySecretHashes(hashes: readonly string[]): Promise<Map<string, PresentedApiKey>> {
    this.statements += 1;
    return super.findBySecretHashes(hashes);
  }
}

interface House {
  readonly clock: ManualClock;
  readonly keys: ApiKeyRepository;
  readonly presented: WatchedRepository;
  readonly service: ApiKeyService;
  add(overrides?: Partial<NewApiKey>): Promise<{ secret: string; hash: string; id: string }>;
}

let made = 0;

async function house(database: Database, access: Partial<AppConfig['access']> = {}): Promise<House> {
  const clock = new ManualClock();
  const base = anAppConfig({ upstreams: [], models: [] });
  const config = { ...base, access: { ...base.access, ...access } };
  const keys = new ApiKeyRepository(database);
  const presented = new WatchedRepository(database);
  const service = new ApiKeyService(presented, new FailedAttemptsService(clock, config), clock, config);
  const accountId = `acct_${(made += 1)}`;
  await new AccountRepository(database).insert({ id: accountId, name: 'test', createdAtMs: 1 });
  return {
    clock,
    keys,
    presented,
    service,
    async add(overrides = {}) {
      const secret = newApiKeySecret();
      const hash = hashSecret(secret);
      const id = `key_${(made += 1)}`;
      await keys.insert({
        id,
        accountId,
        name: 'test',
        secretSha256: hash,
        displayPrefix: displayPrefix(secret),
        requestsPerMinute: undefined,
        tokensPerMinute: undefined,
        allowedModels: undefined,
        createdAtMs: 1,
        expiresAtMs: undefined,
        revokedAtMs: undefined,
        ...overrides,
      });
      return { secret, hash, id };
    },
  };
}

const EXPIRED = { code: 'api_key_expired' };
const INVALID = { code: 'invalid_api_key' };

eachDatabase((_kind, open) => {
  describe('ApiKeyService', () => {
    it('knows a key by its whole secret, with the limits of the key or else of the house', async () => {
      const { service, add } = await house(await open());
      const plain = await add();
      const own = await add({ requestsPerMinute: 7, tokensPerMinute: 70, allowedModels: ['a/b'] });
      expect(await service.authenticate(plain.secret, ADDRESS)).toMatchObject({
        keyId: plain.id,
        requestsPerMinute: 6_000,
        tokensPerMinute: 10_000_000,
        allowedModels: null,
      });
      const principal = await service.authenticate(own.secret, ADDRESS);
      expect(principal).toMatchObject({ keyId: own.id, requestsPerMinute: 7, tokensPerMinute: 70 });
      expect(principal.allowedModels).toEqual(['a/b']);
      expect(Object.isFrozen(principal)).toBe(true);
    });

    it.each([
      ["' OR '1'='1"],
      ["'; DROP TABLE api_keys; --"],
      ['%'],
      ['_'],
      ['\u0000'],
      ['%00'],
      ['é'.repeat(50)],
    ])('S4: %j is looked up as the hash that it has, and found nowhere', async (secret) => {
      const { service, add } = await house(await open());
      await add();
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(INVALID);
    });

    it('S6, S7: neither a part of a secret nor its hash is a secret', async () => {
      const { service, add } = await house(await open());
      const { secret, hash } = await add();
      for (const near of [secret.slice(0, -1), `${secret}a`, secret.toUpperCase(), hash]) {
        await expect(service.authenticate(near, ADDRESS)).rejects.toMatchObject(INVALID);
      }
    });

    it('asks the database once for a key in use, and again when what it knows has grown old', async () => {
      const { service, add, clock, presented } = await house(await open(), { keyCacheTtlMs: 5_000 });
      const { secret } = await add();
      for (let i = 0; i < 5; i += 1) await service.authenticate(secret, ADDRESS);
      clock.pass(4_999);
      await service.authenticate(secret, ADDRESS);
      expect(presented.lookUps).toBe(1);
      clock.pass(1);
      await service.authenticate(secret, ADDRESS);
      expect(presented.lookUps).toBe(2);
    });

    it('a key that was revoked elsewhere is refused once what is known has grown old', async () => {
      const { service, add, clock, keys } = await house(await open(), { keyCacheTtlMs: 5_000 });
      const { secret, id } = await add();
      const { accountId } = await service.authenticate(secret, ADDRESS);
      expect(await keys.revoke(accountId, id, 1)).toBe(true);
      clock.pass(5_000);
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(INVALID);
    });

    it('a key that was revoked here is refused at once', async () => {
      const { service, add, keys } = await house(await open());
      const { secret, id } = await add();
      const { accountId } = await service.authenticate(secret, ADDRESS);
      await keys.revoke(accountId, id, 1);
      service.forget({ accountId, keyId: id });
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(INVALID);
    });

    it('also when it was being looked up at that moment', async () => {
      const { service, add, keys, presented } = await house(await open());
      const { secret, id } = await add();
      const { accountId } = await service.authenticate(secret, ADDRESS);
      service.forget({ accountId, keyId: id });

      presented.afterRead = async () => {
        presented.afterRead = () => Promise.resolve();
        await keys.revoke(accountId, id, 1);
        service.forget({ accountId, keyId: id });
      };
      // It was good when it was read.
      await service.authenticate(secret, ADDRESS);
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(INVALID);
    });

    it('a key expires to the millisecond, known or not', async () => {
      const { service, add, clock } = await house(await open());
      const { secret } = await add({ expiresAtMs: clock.nowMs() + 1_000 });
      const other = await add({ expiresAtMs: clock.nowMs() + 1_000 });
      clock.pass(999);
      await service.authenticate(secret, ADDRESS);
      clock.pass(1);
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(EXPIRED);
      await expect(service.authenticate(other.secret, ADDRESS)).rejects.toMatchObject(EXPIRED);
    });

    it('a secret that was replaced works to the end of its overlap, to the millisecond, known or not', async () => {
      const { service, add, clock, keys } = await house(await open());
      const { secret, id } = await add();
      const { accountId } = await service.authenticate(secret, ADDRESS);
      const next = newApiKeySecret();
      const overlapEndsAtMs = clock.nowMs() + 1_000;
      const replacement = { secretSha256: hashSecret(next), displayPrefix: displayPrefix(next) };
      await keys.replaceSecret(id, replacement, overlapEndsAtMs);
      service.forget({ accountId, keyId: id });
      clock.pass(999);
      expect(await service.authenticate(secret, ADDRESS)).toMatchObject({ keyId: id });
      expect(await service.authenticate(next, ADDRESS)).toMatchObject({ keyId: id });
      clock.pass(1);
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(EXPIRED);
      service.forget({ accountId, keyId: id });
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(EXPIRED);
      expect(await service.authenticate(next, ADDRESS)).toMatchObject({ keyId: id });
    });

    it('a secret that was replaced without overlap is refused at once', async () => {
      const { service, add, keys } = await house(await open());
      const { secret, id } = await add();
      const { accountId } = await service.authenticate(secret, ADDRESS);
      const replacement = { secretSha256: 'c'.repeat(64), displayPrefix: 'sk-tg-cccc' };
      await keys.replaceSecret(id, replacement, undefined);
      service.forget({ accountId, keyId: id });
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(INVALID);
    });

    it('S39: a key with a list of addresses is good from those alone, known or not', async () => {
      const { service, add } = await house(await open());
      const { secret } = await add({ allowedIps: ['198.51.100.0/24', '2001:db8::/32'] });
      const denied = { code: 'address_not_allowed' };
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(denied);
      await service.authenticate(secret, '198.51.100.9');
      await service.authenticate(secret, '2001:db8::9');
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject(denied);
      await expect(service.authenticate(secret, '')).rejects.toMatchObject(denied);
    });

    it('the keys of a suspended account are refused, and good again afterwards', async () => {
      const database = await open();
      const { service, add } = await house(database);
      const accounts = new AccountRepository(database);
      const { secret } = await add();
      const { accountId } = await service.authenticate(secret, ADDRESS);
      await accounts.update(accountId, { suspendedAtMs: 1 }, undefined);
      service.forget({ accountId });
      await expect(service.authenticate(secret, ADDRESS)).rejects.toMatchObject({
        code: 'account_suspended',
      });
      await accounts.update(accountId, { suspendedAtMs: null }, undefined);
      service.forget({ accountId });
      await service.authenticate(secret, ADDRESS);
    });

    it('S50: revoked and unknown keys are refused in the same words', async () => {
      const { service, add } = await house(await open());
      const secrets = [
        (await add({ revokedAtMs: 1 })).secret,
        (await add({ revokedAtMs: 1, expiresAtMs: 1 })).secret,
        newApiKeySecret(),
      ];
      const messages = await Promise.all(
        secrets.map(async (secret) => {
          const error: unknown = await service
            .authenticate(secret, ADDRESS)
            .catch((reason: unknown) => reason);
          expect(error).toMatchObject({ code: 'invalid_api_key', retryAfterMs: undefined, param: undefined });
          return (error as Error).message.replaceAll(/sk-tg|..\.$/g, '');
        }),
      );
      expect(new Set(messages).size).toBe(1);
    });

    it('S50: after too many failures an address is told to wait, but a right key from there is good', async () => {
      const { service, add } = await house(await open(), { failedAuthPerMinute: 3 });
      const { secret } = await add();
      for (let i = 0; i < 3; i += 1) {
        await expect(service.authenticate(`${WRONG}${i}`, ADDRESS)).rejects.toMatchObject(INVALID);
      }
      const tooMany = { code: 'too_many_failed_attempts' };
      await expect(service.authenticate(WRONG, ADDRESS)).rejects.toMatchObject(tooMany);
      await service.authenticate(secret, ADDRESS);
      await expect(service.authenticate(WRONG, ADDRESS)).rejects.toMatchObject(tooMany);
    });

    it('S50: guesses after too many failures share their look-ups', async () => {
      const { service, add, keys, presented } = await house(await open(), { failedAuthPerMinute: 1 });
      const { secret, id } = await add();
      const rotated = await add();
      const next = newApiKeySecret();
      await keys.replaceSecret(
        rotated.id,
        { secretSha256: hashSecret(next), displayPrefix: displayPrefix(next) },
        Number.MAX_SAFE_INTEGER,
      );
      await expect(service.authenticate(WRONG, ADDRESS)).rejects.toMatchObject(INVALID);
      const guesses = Array.from({ length: 500 }, (_, i) => service.authenticate(`${WRONG}${i}`, ADDRESS));
      const right = [secret, rotated.secret, next].map((known) => service.authenticate(known, ADDRESS));
      const judged = await Promise.allSettled(guesses);
      expect(judged.every(({ status }) => status === 'rejected')).toBe(true);
      expect((await Promise.all(right)).map(({ keyId }) => keyId)).toEqual([id, rotated.id, rotated.id]);
      // The first failure alone, the first guess alone, then all others in parts.
      expect(presented.statements).toBeLessThanOrEqual(5);
    });

    it('S50: but a key in use is not locked out by its neighbours behind the same address', async () => {
      const { service, add, clock } = await house(await open(), {
        failedAuthPerMinute: 1,
        keyCacheTtlMs: 500,
      });
      const { secret } = await add();
      await service.authenticate(secret, ADDRESS);
      await expect(service.authenticate(WRONG, ADDRESS)).rejects.toMatchObject(INVALID);
      clock.pass(500);
      await service.authenticate(secret, ADDRESS);
    });

    it('unknown secrets leave nothing in memory: each is looked up again', async () => {
      const { service, presented } = await house(await open(), { failedAuthPerMinute: 1_000 });
      for (let i = 0; i < 3; i += 1) {
        await expect(service.authenticate(WRONG, ADDRESS)).rejects.toMatchObject(INVALID);
      }
      expect(presented.lookUps).toBe(3);
    });
  });
});
