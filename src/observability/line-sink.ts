import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What waits for a sink that takes nothing, in bytes; what comes on top is dropped. */
export const MAX_WAITING_BYTES = 1_048_576;
/** Until a full sink is tried again: soon, for most are read all the time, then less and less often. */
const FULL_RETRY_MS = { first: 1, last: 50 } as const;
/** Until a sink that fails is. */
const FAILED_RETRY_MS = 1_000;
const END_RETRY_MS = 10;

interface Target {
  readonly fd: number;
  /** Whether it was opened here, and so must be closed here. */
  readonly own: boolean;
  /** Files are written by another thread: their disk may be slow. All else never blocks, and is written at once. */
  readonly isFile: boolean;
}

/**
 * Writes lines to standard output (or another descriptor) whatever becomes of it: a pipe that nobody reads, a terminal
 * that was closed, a full disk. Never blocks, never throws, keeps at most a mebibyte, and tries again for ever. What did
 * not fit is dropped and counted.
 */
export class LineSink {
  /** Called when the sink takes lines again, with the number of those that were dropped meanwhile. */
  onBack: (dropped: number) => void = () => undefined;

  private target: Target | undefined;
  private waiting: string[] = [];
  private waitingBytes = 0;
  /** What is being written. */
  private chunk: Buffer | undefined;
  private writing = false;
  private scheduled: NodeJS.Immediate | undefined;
  private retry: NodeJS.Timeout | undefined;
  private fullRetryMs: number = FULL_RETRY_MS.first;
  private dropped = 0;

  constructor(private readonly fd: number) {}

  /** @param text whole lines */
  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (this.waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.dropped += 1;
      return;
    }
    this.waiting.push(text);
    this.waitingBytes += bytes;
    if (this.retry === undefined && !this.writing) {
      this.scheduled ??= setImmediate(() => this.flushNow());
    }
  }

  /** Writes what the sink takes at this moment. */
  flushNow(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    clearTimeout(this.retry);
    this.retry = undefined;
    if (this.writing) return;
    for (let bytes = this.next(); bytes !== undefined; bytes = this.next()) {
      try {
        this.target ??= open(this.fd);
        if (this.target.isFile) return this.writeFile(this.target.fd, bytes);
        this.written(writeSync(this.target.fd, bytes));
      } catch (error) {
        return this.failed(error);
      }
    }
  }

  /** Writes what is left, for at most `withinMs`, and lets go of the sink; a later line opens it again. */
  async end(withinMs: number): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    this.flushNow();
    while (this.next() !== undefined && performance.now() < deadlineMs) {
      await sleep(END_RETRY_MS);
      if (!this.writing) this.flushNow();
    }
    clearTimeout(this.retry);
    this.retry = undefined;
    if (this.writing) return;
    if (this.target?.own === true) closeSync(this.target.fd);
    this.target = undefined;
  }

  private next(): Buffer | undefined {
    if (this.chunk !== undefined) return this.chunk;
    if (this.waiting.length === 0 && this.dropped > 0) {
      const { dropped } = this;
      this.dropped = 0;
      this.onBack(dropped);
    }
    if (this.waiting.length === 0) return undefined;
    this.chunk = Buffer.from(this.waiting.join(''));
    this.waiting = [];
    return this.chunk;
  }

  private written(bytes: number): void {
    this.waitingBytes -= bytes;
    this.fullRetryMs = FULL_RETRY_MS.first;
    const rest = this.chunk?.subarray(bytes);
    this.chunk = rest === undefined || rest.length === 0 ? undefined : rest;
  }

  private writeFile(fd: number, bytes: Buffer): void {
    this.writing = true;
    write(fd, bytes, (error, count) => {
      this.writing = false;
      this.written(count);
      if (error === null) this.flushNow();
      else this.failed(error);
    });
  }

  private failed(error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    const inMs = code === 'EAGAIN' ? this.fullRetryMs : FAILED_RETRY_MS;
    this.fullRetryMs = Math.min(2 * this.fullRetryMs, FULL_RETRY_MS.last);
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.flushNow();
    }, inMs).unref();
  }
}

/**
 * A descriptor that answers `EAGAIN` where it would block. Linux opens pipes and terminals anew, for us alone: that a
 * write may not wait is a property of the open file, which others may share.
 */
function open(fd: number): Target {
  const stats = fstatSync(fd);
  if (stats.isFile()) return { fd, own: false, isFile: true };
  if (stats.isFIFO() || stats.isCharacterDevice()) {
    try {
      const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
      const anew = openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
      return { fd: anew, own: true, isFile: false };
    } catch {
      // No such system, another user's terminal, or a pipe without a reader.
    }
  }
  // Its making lets writes to pipes and sockets return at once.
  void (fd === 2 ? process.stderr : process.stdout);
  return { fd, own: false, isFile: false };
}
