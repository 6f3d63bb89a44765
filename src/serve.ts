import 'reflect-metadata';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { BootstrapService } from './accounts/bootstrap.service.js';
import { welcome, welcomeBack } from './accounts/welcome.js';
import { boot } from './boot.js';
import type { AppConfig } from './config/app-config.js';
import { calledAs, startedByNpm } from './config/called-as.js';
import { ConfigError } from './config/config.errors.js';
import { loadConfig } from './config/load-config.js';
import { CatalogueKeeper } from './inference/catalogue-keeper.service.js';
import { CatalogueService } from './models/catalogue.service.js';
import { LogService } from './observability/log.service.js';
import { PID_FILE } from './persistence/data-folder-lock.js';
import { readPidFile, removePidFile, writePidFile } from './persistence/pid-file.js';
import { StorageStartError } from './persistence/storage-start.error.js';
import { handleSignals } from './process-signals.js';

async function main(): Promise<void> {
  // Whoever read what we print may be gone; that is no reason to stop serving.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const config = loadConfig();
  const { app, origin, firstBoot } = await boot(config, {
    onCreated: (created) => handleEnds(created, config, created.get(LogService)),
    onListening(listening) {
      const log = listening.app.get(LogService);
      log.say(`Tollgate listens on ${listening.origin}\n`);
      if (config.server.pidFile !== undefined) claimPidFile(config.server.pidFile, log);
    },
  });
  const log = app.get(LogService);
  if (firstBoot !== undefined) return log.say(welcome(origin, firstBoot));
  const hasVendors = config.catalogue.upstreams.some(({ protocol }) => protocol !== 'sandbox');
  const models = app.get(CatalogueService).list();
  log.say(
    welcomeBack(origin, {
      models: models.map(({ id }) => id),
      hasVendors,
      firstAccountId: await app.get(BootstrapService).firstAccountId(),
      adminKeyIsOurs: config.access.adminKey === undefined,
      cli: calledAs().cli,
    }),
  );
}

function handleEnds(app: NestExpressApplication, config: AppConfig, log: LogService): void {
  const leave = (reason: string): void => {
    log.info({ reason }, 'shutting down: open answers may finish');
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`Tollgate could not shut down cleanly: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  const reload = (): void => {
    app
      .get(CatalogueKeeper)
      .reload()
      // Its log has told it.
      .catch(() => undefined);
  };
  handleSignals({ leave, leaveNow: () => process.exit(1), reload }, startedByNpm());
  process.on('exit', () => {
    log.flushNow();
    for (const path of pidFiles(config)) removePidFile(path);
  });
  // A forgotten rejection concerns one request, whose hold and row are settled elsewhere; serving goes on.
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
  // After this the state of the process is unknown: leave it to the supervisor to start a clean one.
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'uncaught exception');
    process.exitCode = 1;
    setTimeout(() => process.exit(1), 100);
  });
}

/** @throws ConfigError */
function claimPidFile(path: string, log: LogService): void {
  const pid = readPidFile(path);
  if (pid !== undefined && pid !== process.pid && isRunning(pid)) {
    log.warn({ path, pid }, 'PID_FILE named another process that runs; two replicas need a file each');
  }
  try {
    writePidFile(path);
  } catch (error) {
    throw new ConfigError([`PID_FILE cannot be written (${(error as NodeJS.ErrnoException).code})`]);
  }
}

function pidFiles({ server, storage }: AppConfig): string[] {
  return [
    ...(server.pidFile === undefined ? [] : [server.pidFile]),
    ...(storage.databaseUrl === undefined ? [join(storage.dataDir, PID_FILE)] : []),
  ];
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One clear line for what an operator can mend; everything for what only a developer can. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StorageStartError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') {
    return `Something else listens on ${address}:${port}. Stop it, or set PORT to a free port.`;
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return `Cannot listen on ${address}:${port} (${code}). Set HOST and PORT to an address of this machine.`;
  }
  return error.stack ?? error.message;
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
