import type { Server } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Application } from 'express';
import { AppModule } from './app.module.js';
import type { AppConfig } from './config/app-config.js';
import { accessLog } from './http/access-log.js';
import { frontDoor } from './http/front-door.js';
import { TollgateAdapter } from './http/tollgate-adapter.js';
import { BlockWatchService } from './observability/block-watch.service.js';
import { LogService, NestLog } from './observability/log.service.js';
import { MetricsService } from './observability/metrics.service.js';
import { publishDocs } from './openapi/docs-page.js';
import { publishStartPage } from './openapi/start-page.js';

/**
 * The whole application, ready to listen: the same for `serve.ts` and for tests.
 *
 * @throws StorageStartError when the embedded database cannot be opened, or a key that it is sealed with is not there
 */
export async function createApp(config: AppConfig): Promise<NestExpressApplication> {
  const adapter = new TollgateAdapter(config.server);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), adapter, {
    bodyParser: false,
    bufferLogs: true,
    // Whoever starts us is told why it failed, once; Nest would print all that it did before, and the stack.
    autoFlushLogs: false,
    abortOnError: false,
  });
  const log = app.get(LogService);
  app.useLogger(new NestLog(log));

  const express = adapter.getInstance<Application>();
  express.disable('x-powered-by');
  express.disable('etag');
  express.set('query parser', 'simple');
  express.set('trust proxy', config.server.trustedProxyHops);
  app.use(accessLog(log, app.get(MetricsService), app.get(BlockWatchService)));
  app.use(frontDoor({ corsOrigins: config.server.corsOrigins }));
  publishStartPage(app);
  publishDocs(app);
  await app.init();
  (app.getHttpServer() as Server).once('listening', () => app.flushLogs());
  return app;
}
