import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { BootstrapService, type FirstBoot } from './accounts/bootstrap.service.js';
import { createApp } from './app.setup.js';
import { HousekeepingService } from './billing/housekeeping.service.js';
import type { AppConfig } from './config/app-config.js';
import { CatalogueKeeper } from './inference/catalogue-keeper.service.js';
import { DatabaseReadiness } from './persistence/database.js';
import { ResealingService } from './persistence/resealing.service.js';

/** An application that listens. */
export interface Listening {
  readonly app: NestExpressApplication;
  /** `http://<host>:<port>` */
  readonly origin: string;
  readonly port: number;
}

export interface BootSteps {
  /** Everything is made, and nothing listens yet. */
  readonly onCreated?: (app: NestExpressApplication) => void;
  /** It listens, and nothing else is sure yet, the database least of all. */
  readonly onListening?: (listening: Listening) => void | Promise<void>;
}

/**
 * Starts the application: the one sequence for users, tests and the demo. Resolves when it is ready to serve.
 *
 * @throws ConfigError, StorageStartError; system errors of listening
 */
export async function boot(
  config: AppConfig,
  { onCreated, onListening }: BootSteps = {},
): Promise<Listening & { readonly firstBoot: FirstBoot | undefined }> {
  const app = await createApp(config);
  onCreated?.(app);
  const { host } = config.server;
  await app.listen(config.server.port, host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const listening = { app, origin: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port };
  await onListening?.(listening);

  await app.get(DatabaseReadiness).whenReady();
  await app.get(ResealingService).start();
  await app.get(HousekeepingService).start();
  const firstBoot = await app.get(BootstrapService).firstBoot();
  await app.get(CatalogueKeeper).start();
  return { ...listening, firstBoot };
}
