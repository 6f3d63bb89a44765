import { Injectable, type LoggerService, type OnApplicationShutdown } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import { AppConfig, type LogConfig } from '../config/app-config.js';
import { LineSink } from './line-sink.js';
import { loggedError } from './logged-error.js';
import { TextLine } from './text-line.js';

/** For what is left at the end: a sink that takes nothing must not keep the process. */
const LAST_LINES_MS = 500;

/**
 * Structured log on standard output: one line an event, JSON or, in a terminal, text for people. A sink that is slow, full or gone never slows a request nor
 * holds the end of the process; what it could not take is dropped, and told when it takes lines again (what matters for
 * money is in the database, not here). Keys, prompts and answers are never passed to it.
 */
@Injectable()
export class LogService implements OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly sink = new LineSink(1);

  constructor(config: AppConfig) {
    this.sink.onBack = (dropped) =>
      this.warn({ dropped }, 'log lines were dropped while standard output took none');
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
      destinationOf(config.log, this.sink),
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

  /** Text for whoever started the process, among the log's lines and in their order, whatever the level. */
  say(text: string): void {
    this.sink.write(text);
  }

  /** Writes what standard output takes at this moment, for a process that ends at once. */
  flushNow(): void {
    this.sink.flushNow();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.sink.end(LAST_LINES_MS);
  }
}

function destinationOf({ format, coloured }: LogConfig, sink: LineSink): { write(line: string): void } {
  const inTerminal = process.stdout.isTTY;
  if (format === 'json' || (format === 'auto' && !inTerminal)) return sink;
  const text = new TextLine(coloured && inTerminal);
  return { write: (line) => sink.write(text.of(line)) };
}

/** Nest's own messages, in the same log. */
export class NestLog implements LoggerService {
  constructor(private readonly target: LogService) {}

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
