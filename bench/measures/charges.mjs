import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { modulesOf } from '../lib/modules.mjs';

export const models = [];

/**
 * Charges without any HTTP around them: hold and settlement of one account on SQLite, each durable, one after the other
 * and many at a time (the group commit makes one transaction of those that wait).
 */
export async function measure({ main, quick }) {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-charges-'));
  const desk = await openDesk(folder, main);
  try {
    await desk.charge(200, 1);
    const single = await desk.charge(quick ? 300 : 1_500, 1);
    const batched = await desk.charge(quick ? 3_000 : 15_000, 100);
    return { single, batched };
  } finally {
    await desk.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param main the compiled `main.js`, beside which the modules lie */
async function openDesk(folder, main) {
  const built = (path) => import(new URL(path, modulesOf(main)));
  const { resolve } = createRequire(main);
  await import(pathToFileURL(resolve('reflect-metadata')));
  const { NestFactory } = await import(pathToFileURL(resolve('@nestjs/core')));
  const { AppModule } = await built('app.module.js');
  const { AccountsService } = await built('accounts/accounts.service.js');
  const { HoldService } = await built('billing/hold.service.js');
  const { SettlementService } = await built('billing/settlement.service.js');
  const { usageOf } = await built('billing/reported-usage.js');
  const { newRequestId } = await built('common/ids/ids.js');
  const { loadConfig } = await built('config/load-config.js');

  const config = loadConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }, folder);
  const app = await NestFactory.createApplicationContext(AppModule.forRoot(config), { logger: false });
  const account = await app.get(AccountsService, { strict: false }).create('bench', 1_000_000_000_000n);
  const holds = app.get(HoldService, { strict: false });
  const settlements = app.get(SettlementService, { strict: false });
  const facts = {
    clientRequestId: undefined,
    surface: 'qolaba',
    endpoint: 'chat',
    model: 'bench/model',
    upstream: 'main',
    upstreamModel: 'model',
    streamed: false,
    promptTokens: 20,
    price: { version: 'p_bench', promptPicoUsdPerToken: 300_000n, completionPicoUsdPerToken: 2_500_000n },
  };

  const chargeOne = async () => {
    const requestId = newRequestId(Date.now());
    const metadata = { ...facts, requestId, accountId: account.id, keyId: 'key_bench' };
    await holds.open({ metadata, amountHundredths: 100n, leastHundredths: 100n });
    await settlements.settle({
      metadata,
      upstream: metadata.upstream,
      upstreamModel: metadata.upstreamModel,
      price: metadata.price,
      outcome: 'completed',
      move: 'settle',
      usage: usageOf(22, 495),
      usageSource: 'upstream',
      finishReason: 'stop',
      failedAttempts: [],
      createdAtMs: Date.now(),
      firstTokenMs: undefined,
      durationMs: 1,
    });
  };

  return {
    /** @returns charges a second, and the CPU of one in µs */
    async charge(count, atATime) {
      const startMs = performance.now();
      const cpu = process.cpuUsage();
      let left = count;
      const worker = async () => {
        while (left > 0) {
          left -= 1;
          await chargeOne();
        }
      };
      await Promise.all(Array.from({ length: atATime }, worker));
      const { user, system } = process.cpuUsage(cpu);
      const seconds = (performance.now() - startMs) / 1000;
      return { perSecond: count / seconds, cpuUs: (user + system) / count };
    },
    close: () => app.close(),
  };
}
