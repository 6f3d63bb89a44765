import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { storageUnavailable } from '../storage-unavailable.js';
import { fromSqliteError } from './sqlite-errors.js';

/** Rows as the driver gives them, and the name and declared type of each column. */
export interface ThreadRows {
  readonly columns: readonly (readonly [name: string, type: string | null])[];
  readonly rows: readonly Record<string, unknown>[];
}

type Told = { readonly id: number } & (
  ThreadRows | { readonly message: string; readonly errcode: number | undefined }
);

interface Waiting {
  resolve(rows: ThreadRows): void;
  reject(error: unknown): void;
}

/** `.js` where this is built, `.ts` where tests run it. */
const WORKER = fileURLToPath(new URL(`./sqlite-thread.worker${extname(import.meta.url)}`, import.meta.url));

/**
 * A thread with a connection of its own to a SQLite file, which only reads: a statement that takes seconds holds up
 * nothing but those that wait for the same thread. It begins with the first statement; should it die, the next
 * statement begins another.
 */
export class SqliteThread {
  private worker: Worker | undefined;
  private lifeNumber = 0;
  private lastId = 0;
  private closed = false;
  private readonly waiting = new Map<number, Waiting>();

  constructor(
    private readonly path: string,
    private readonly timeoutMs: number,
  ) {}

  /** Another number after the thread has died: whatever was begun on it is gone. */
  get life(): number {
    return this.lifeNumber;
  }

  /** @throws DomainError `storage_unavailable`, also when the thread dies; as SQLite throws for a wrong statement */
  run(sql: string, parameters: readonly unknown[]): Promise<ThreadRows> {
    if (this.closed) throw storageUnavailable('closed');
    const worker = (this.worker ??= this.begin());
    const id = ++this.lastId;
    return new Promise<ThreadRows>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage({ id, sql, parameters });
    });
  }

  /** Waits for the statement that runs, no longer. */
  async close(): Promise<void> {
    this.closed = true;
    const worker = this.worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    // A process with nothing else to do would end before, with what waits for this undone.
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage('close');
    await ended;
  }

  private begin(): Worker {
    const worker = new Worker(WORKER, { workerData: { path: this.path, timeoutMs: this.timeoutMs } });
    // It keeps no process alive by itself.
    worker.unref();
    worker.on('message', (told: Told) => this.tell(worker, told));
    worker.on('error', (error) => this.end(worker, error));
    worker.on('exit', () => this.end(worker, 'the thread has ended'));
    return worker;
  }

  private tell(worker: Worker, told: Told): void {
    const waiting = this.waiting.get(told.id);
    this.waiting.delete(told.id);
    if (this.waiting.size === 0 && !this.closed) worker.unref();
    if ('rows' in told) waiting?.resolve(told);
    else waiting?.reject(fromSqliteError(Object.assign(new Error(told.message), { errcode: told.errcode })));
  }

  private end(worker: Worker, cause: unknown): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.lifeNumber += 1;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const one of waiting) one.reject(storageUnavailable(cause));
  }
}
