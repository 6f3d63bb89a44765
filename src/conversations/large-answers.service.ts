import { Injectable } from '@nestjs/common';
import { jsonBuffers, roughJsonLength } from '../common/json-in-slices.js';
import { AppConfig } from '../config/app-config.js';
import { LargeAnswer, NOTHING_SHOWN } from '../http/large-answer.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ReplayMemory } from '../idempotency/replay-memory.js';

/** Shorter ones are rendered and sent in one go. As they are stored, bytes. */
const LARGE = 256 * 1024;

/** What is stored as so many bytes takes about as many as JSON, and some texts more. */
const BOUNDS = {
  bytes: 128 * 1024 * 1024,
  bytesOfAccount: 64 * 1024 * 1024,
  waitMs: 30_000,
};

const NO_ROOM = 'Too many large texts are being read at the moment, please try again.';

/** Answers that show what is stored: never all at once in memory, never in one turn of the event loop. */
@Injectable()
export class LargeAnswersService {
  private readonly memory = new ReplayMemory(BOUNDS, NO_ROOM);

  constructor(private readonly config: AppConfig) {}

  /**
   * Room for a page of something that is read and sent page by page, until it is released; short ones need none.
   *
   * @param requestId one page of a request at a time
   * @param octets as it is stored
   * @throws DomainError `overloaded` where too much is being read
   */
  async roomFor(requestId: string, accountId: string, octets: number): Promise<() => void> {
    if (octets <= LARGE) return () => undefined;
    const { release } = await this.memory.open({ requestId, accountId, bytes: octets }, () =>
      Promise.resolve(NONE),
    );
    return release;
  }

  /**
   * What a handler is to return. For `HEAD` nothing is opened.
   *
   * @param octets how long what is shown is as it is stored, or may be
   * @param open reads it; gives the value, or its JSON already as bytes
   * @throws DomainError `overloaded` where too much is being read; whatever `open` throws
   */
  async answer<T>(
    request: TollgateRequest,
    octets: number,
    open: () => Promise<T | Buffer[]>,
  ): Promise<T | LargeAnswer | typeof NOTHING_SHOWN> {
    if (request.method === 'HEAD') return NOTHING_SHOWN;
    if (octets <= LARGE) return (await open()) as T;
    let value: T | Buffer[] | undefined;
    let pieces: readonly Buffer[] | undefined;
    const { release } = await this.memory.open(
      { requestId: request.requestId, accountId: request.principal?.accountId ?? '', bytes: octets },
      async () => {
        value = await open();
        if (isBuffers(value)) pieces = value;
        else if (roughJsonLength(value, LARGE) > LARGE) pieces = await jsonBuffers(value);
        return NONE;
      },
    );
    if (pieces !== undefined) return new LargeAnswer(pieces, this.config.stream.writeStallMs, release);
    release();
    return value as T;
  }
}

const NONE = Buffer.alloc(0);

function isBuffers(value: unknown): value is Buffer[] {
  return Array.isArray(value) && value.length > 0 && value.every((piece) => Buffer.isBuffer(piece));
}
