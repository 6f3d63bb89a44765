import { rm } from 'node:fs/promises';
import { Global, Module, type LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AppConfig, type StorageConfig } from '../../src/config/app-config.js';
import { ClockModule } from '../../src/common/clock/clock.module.js';
import { ObservabilityModule } from '../../src/observability/observability.module.js';
import { Database, DatabaseReadiness } from '../../src/persistence/database.js';
import { DatabaseModule } from '../../src/persistence/database.module.js';
import { GroupCommit } from '../../src/persistence/group-commit.js';
import { SettingsRepository } from '../../src/persistence/settings.repository.js';
import { StorageStartError } from '../../src/persistence/storage-start.error.js';
import { temporaryFolder } from '../support/databases.js';

const SILENT: LoggerService = { log() {}, warn() {}, error() {} };

let dataDir: string;
beforeEach(async () => {
  dataDir = await temporaryFolder();
});
afterEach(() => rm(dataDir, { recursive: true }));

function boot(storage: Partial<StorageConfig> = {}) {
  const config = {
    log: { level: 'silent' },
    storage: { dataDir, databaseUrl: undefined, redisUrl: undefined, conversationKeys: [], ...storage },
  };

  @Global()
  @Module({ providers: [{ provide: AppConfig, useValue: config }], exports: [AppConfig] })
  class TestConfigModule {}

  return Test.createTestingModule({
    imports: [TestConfigModule, ClockModule, ObservabilityModule, DatabaseModule],
  })
    .setLogger(SILENT)
    .compile()
    .then((module) => module.init());
}

it('opens before anything that needs it is made, and lets go of the folder at the end', async () => {
  const first = await boot();
  expect(first.get(DatabaseReadiness).ready).toBe(true);
  await first.get(SettingsRepository).putIfAbsent('k', 'first boot');
  await expect(boot()).rejects.toThrow(StorageStartError);
  await first.close();

  const second = await boot();
  expect(await second.get(SettingsRepository).find('k')).toBe('first boot');
  await second.close();
});

it('P1: stores what is waiting before it closes', async () => {
  const first = await boot();
  const settings = first.get(SettingsRepository);
  const stored = first
    .get(GroupCommit)
    .submit(async (trx, [key = '']) => [await settings.putIfAbsent(key, 'v', trx)], 'waiting');
  await first.close();
  expect(await stored).toBe(true);
  await expect(settings.find('waiting')).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('D1: boots without PostgreSQL, not ready', async () => {
  // Port 9 (discard): nobody listens there.
  const module = await boot({ databaseUrl: 'postgres://nobody@127.0.0.1:9/none' });
  expect(module.get(Database).kind).toBe('postgres');
  expect(module.get(DatabaseReadiness).ready).toBe(false);
  await expect(module.get(SettingsRepository).find('k')).rejects.toMatchObject({
    code: 'storage_unavailable',
  });
  await module.close();
});
