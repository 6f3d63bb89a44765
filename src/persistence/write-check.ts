import type { Kysely } from 'kysely';
import { operatorMessage } from './operator-message.js';
import type { Tables } from './tables.js';

/** While nothing is known to fail, whoever asks is answered from a check that is at most so old. */
const TRUSTED_MS = 5_000;

/** Between two checks while the database takes no writes. */
const RETRY_MS = 1_000;

/** More than a charge writes, so that what passes the check can pay for a few requests. */
const PROBE_CHARS = 64 * 1024;

const KEY = 'write_probe';

/**
 * Writes some pages and removes them again, each durably: a disk without room for a charge fails it, where a changed row
 * would still fit into its page.
 *
 * @throws whatever the database says
 */
export async function probeWrite(db: Kysely<Tables>): Promise<void> {
  for (const value of [' '.repeat(PROBE_CHARS), '']) {
    await db
      .insertInto('settings')
      .values({ key: KEY, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute();
  }
}

/**
 * Whether a database takes writes. A write that failed says no at once; then a probe each second finds out when that is
 * over. Without failures a probe runs when somebody asks and the last one is older than five seconds.
 */
export class WriteCheck {
  private failure: string | undefined;
  private checkedAtMs = -Infinity;
  private checking: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;

  /**
   * @param probe rejects when the database takes no writes
   * @param onChange called with each change of `lastError`; `undefined`: it takes them
   */
  constructor(
    private readonly probe: () => Promise<void>,
    private readonly onChange: (lastError: string | undefined) => void,
  ) {}

  /** Why the last write failed, for operators; `undefined`: none is known to. */
  get lastError(): string | undefined {
    return this.failure;
  }

  /** A write of somebody failed because of disk or server. */
  failed(error: unknown): void {
    if (this.stopped) return;
    this.set(operatorMessage(error));
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      void this.check();
    }, RETRY_MS).unref();
  }

  /** Whether writes go through, as far as it was known five seconds ago. Never rejects. */
  async isWritable(): Promise<boolean> {
    const stale = performance.now() - this.checkedAtMs >= TRUSTED_MS;
    if (this.failure === undefined && stale) await this.check();
    return this.failure === undefined;
  }

  /** Ends checks; waits for the one under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    await this.checking;
  }

  /** Many that ask share one. Never rejects. */
  private check(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return (this.checking ??= this.run().finally(() => (this.checking = undefined)));
  }

  private async run(): Promise<void> {
    try {
      await this.probe();
      this.checkedAtMs = performance.now();
      this.set(undefined);
    } catch (error) {
      this.failed(error);
    }
  }

  private set(lastError: string | undefined): void {
    const changed = (lastError === undefined) !== (this.failure === undefined);
    this.failure = lastError;
    if (changed) this.onChange(lastError);
  }
}
