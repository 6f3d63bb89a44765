import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { sql, type Transaction } from 'kysely';
import type { Database } from './database.js';
import { CommitUnknownError } from './commit-unknown.error.js';
import { isStorageUnavailable, storageUnavailable } from './storage-unavailable.js';
import type { Tables } from './tables.js';
import { inTransaction, isConflict } from './transaction.js';

/**
 * Stores several items of one kind, in their order, and tells for each what came of it, in the same order.
 * It may run more than once for one item (a lost acknowledgement, a failed neighbour), so it must be idempotent, by a
 * unique key; a second run after a commit whose acknowledgement was lost finds its own rows.
 */
export type GroupWrite<Item, Result> = (
  trx: Transaction<Tables>,
  items: readonly Item[],
) => Promise<readonly Result[]>;

/**
 * Rows that a write locks. All of a transaction's are locked before its first write, each kind at once: writes of
 * several kinds in one transaction would else lock in the order in which they came, and two processes could wait for
 * each other in a circle.
 */
export interface GroupLock {
  /** Locks rows in an order of its own that is always the same; the same function for the same kind of row. */
  readonly lock: (trx: Transaction<Tables>, keys: readonly string[]) => Promise<unknown>;
  readonly key: string;
}

export interface GroupCommitSettings {
  /** Most items of one transaction: on SQLite the event loop stands still for as long as it takes. */
  readonly maxBatch: number;
  /** Items waiting or being written, beyond which more are refused at once. */
  readonly maxPending: number;
  /** How long an item may wait for its commit, retries included. */
  readonly deadlineMs: number;
}

const DEFAULTS: GroupCommitSettings = { maxBatch: 128, maxPending: 10_000, deadlineMs: 5_000 };

interface Submission {
  readonly write: GroupWrite<unknown, unknown>;
  readonly item: unknown;
  readonly lock: GroupLock | undefined;
  /**
   * Whether its commit may happen or have happened without our knowing: `running` from the beginning of its write to
   * the end of the attempt, `lost` for ever.
   */
  commit: 'none' | 'running' | 'lost';
  /** Told its outcome, or given up on at its deadline. */
  settled: boolean;
  readonly settle: (outcome: Outcome) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * Durable writes at the price of one commit for many: what is submitted in one turn of the event loop, or while a
 * commit runs, goes together into the next transaction. An item that fails does not sink its neighbours.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #settings: GroupCommitSettings;
  /** In order of submission, so also of deadlines. */
  #waiting: Submission[] = [];
  #pending = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(database: Database, settings: Partial<GroupCommitSettings> = {}) {
    this.#database = database;
    this.#settings = { ...DEFAULTS, ...settings };
  }

  /**
   * Resolves once the item's commit is durable. Items of one batch that share the same `write` function are given to
   * it together; items of different batches are committed in order of submission.
   *
   * @param lock what `write` will lock, where processes contend for it
   * @throws DomainError `storage_unavailable` when the queue is full or closing, or the deadline passed and nothing was
   * stored; CommitUnknownError (the same code) when it may be or become stored: an idempotent second submission finds
   * out; whatever `write` throws
   */
  submit<Item, Result>(write: GroupWrite<Item, Result>, item: Item, lock?: GroupLock): Promise<Result> {
    if (this.#closed) return Promise.reject(storageUnavailable('shutting down'));
    if (this.#pending >= this.#settings.maxPending) return Promise.reject(storageUnavailable('queue full'));
    return new Promise<Result>((resolve, reject) => {
      const deadline = setTimeout(
        () =>
          submission.settle({
            error:
              submission.commit === 'none'
                ? storageUnavailable('no commit before the deadline')
                : new CommitUnknownError(),
          }),
        this.#settings.deadlineMs,
      );
      const submission: Submission = {
        // The item goes to no other function than the one it came with.
        write: write as GroupWrite<unknown, unknown>,
        item,
        lock,
        commit: 'none',
        settled: false,
        settle: (outcome) => {
          if (submission.settled) return;
          submission.settled = true;
          this.#pending--;
          clearTimeout(deadline);
          if ('error' in outcome) reject(outcome.error as Error);
          else resolve(outcome.value as Result);
        },
      };
      this.#pending++;
      this.#waiting.push(submission);
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is waiting or being written any more; at the deadline at the latest everyone was told. */
  async drain(): Promise<void> {
    await this.#running;
  }

  /** Refuses what comes from now on and drains. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.drain();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Collects what this turn still submits, and lets sockets be served between the batches of a long queue.
      await nextTurn();
      await this.#commit(this.#takeBatch());
    }
    this.#running = undefined;
  }

  #takeBatch(): Submission[] {
    const batch = this.#waiting.splice(0, this.#settings.maxBatch);
    return batch.filter(({ settled }) => !settled);
  }

  async #commit(batch: readonly Submission[]): Promise<void> {
    let write = writeTogether;
    for (let attempt = 0; ; attempt++) {
      const open = batch.filter(({ settled }) => !settled);
      if (open.length === 0) return;
      let committing = false;
      let writing: Submission[] = [];
      try {
        const outcomes = await inTransaction(this.#database.kysely, async (trx) => {
          committing = false;
          await lockAll(trx, open);
          // A connection or a lock may have come late: who was told that nothing is stored stays right.
          writing = open.filter(({ settled }) => !settled);
          for (const submission of writing) if (submission.commit === 'none') submission.commit = 'running';
          const results = await write(trx, writing);
          committing = true;
          return results;
        });
        writing.forEach((submission, index) => submission.settle(outcomes[index] ?? { error: missing() }));
        return;
      } catch (error) {
        for (const submission of writing) {
          if (committing) submission.commit = 'lost';
          else if (submission.commit === 'running') submission.commit = 'none';
        }
        if (isStorageUnavailable(error)) {
          await pause(Math.min(50 * 2 ** attempt, 500));
        } else if (open.length === 1 || write === writeApart) {
          for (const submission of open) submission.settle({ error });
          return;
        } else {
          write = writeApart;
        }
      }
    }
  }
}

/** The usual way: each kind's items in one call. One failure fails all. */
async function writeTogether(trx: Transaction<Tables>, batch: readonly Submission[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [write, indices] of indicesByWrite(batch)) {
    const values = await write(
      trx,
      indices.map((index) => batch[index]?.item),
    );
    if (values.length !== indices.length) throw missing();
    indices.forEach((index, position) => (outcomes[index] = { value: values[position] }));
  }
  return outcomes;
}

/** After a failure: item by item, each behind a savepoint, so that the good ones commit and the bad one is known. */
async function writeApart(trx: Transaction<Tables>, batch: readonly Submission[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { write, item } of batch) {
    await sql`savepoint item`.execute(trx);
    try {
      const values = await write(trx, [item]);
      if (values.length !== 1) throw missing();
      outcomes.push({ value: values[0] });
    } catch (error) {
      // The whole transaction is lost or must run again; no savepoint helps.
      if (isStorageUnavailable(error) || isConflict(error)) throw error;
      await sql`rollback to savepoint item`.execute(trx);
      outcomes.push({ error });
    }
    await sql`release savepoint item`.execute(trx);
  }
  return outcomes;
}

async function lockAll(trx: Transaction<Tables>, batch: readonly Submission[]): Promise<void> {
  const keys = new Map<GroupLock['lock'], Set<string>>();
  for (const { lock } of batch) {
    if (lock === undefined) continue;
    const known = keys.get(lock.lock);
    if (known === undefined) keys.set(lock.lock, new Set([lock.key]));
    else known.add(lock.key);
  }
  for (const [lock, its] of keys) await lock(trx, [...its]);
}

function indicesByWrite(batch: readonly Submission[]): Map<Submission['write'], number[]> {
  const byWrite = new Map<Submission['write'], number[]>();
  batch.forEach(({ write }, index) => {
    const indices = byWrite.get(write);
    if (indices === undefined) byWrite.set(write, [index]);
    else indices.push(index);
  });
  return byWrite;
}

function missing(): Error {
  return new Error('A group write must give one result for each item');
}
