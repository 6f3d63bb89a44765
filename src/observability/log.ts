import { Injectable, type LoggerService, type OnApplicationShutdown } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import { AppConfig } from '../config/app-config.js';
import { loggedError } from './logged-error.js';

/**
 * Structured log, one JSON line an event. Written asynchronously: a slow or closed log sink never slows a request
 * (what matters for money is in the database, not here). Keys, prompts and answers are never passed to it.
 */
@Injectable()
export class Log implements OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly sink: ReturnType<typeof pino.destination>;

  constructor(config: AppConfig) {
    this.sink = pino.destination({ fd: 1, sync: false, minLength: 0 });
    // A reader of our standard output that went away is no reason to stop serving.
    this.sink.on('error', () => undefined);
    this.logger = pino(
      {
        level: config.log.level,
        base: null,
        messageKey: 'message',
        serializers: { err: (error: unknown) => loggedError(error) },
        redact: {
          paths: [
            'authorization',
            '*.authorization',
            'api_key',
            '*.api_key',
            'key',
            '*.key',
            '*["x-api-key"]',
          ],
          censor: '[redacted]',
        },
      },
      this.sink,
    );
  }

  debug(fields: object, message: string): void {
    this.logger.debug(fields, message);
  }
  info(fields: object, message: string): void {
    this.logger.info(fields, message);
  }
  warn(fields: object, message: string): void {
    this.logger.warn(fields, message);
  }
  error(fields: object, message: string): void {
    this.logger.error(fields, message);
  }

  onApplicationShutdown(): void {
    try {
      this.sink.flushSync();
    } catch {
      // The sink is gone; there is nowhere left to say so.
    }
  }
}

/** Nest's own messages, in the same log. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, context?: unknown): void {
    this.target.debug({ context }, String(message));
  }
  warn(message: unknown, context?: unknown): void {
    this.target.warn({ context }, String(message));
  }
  error(message: unknown, stack?: unknown, context?: unknown): void {
    this.target.error({ context, stack }, String(message));
  }
  debug(message: unknown, context?: unknown): void {
    this.target.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: unknown): void {
    this.target.debug({ context }, String(message));
  }
}
