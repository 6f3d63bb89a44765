import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Slices } from '../common/slices.js';
import { LogService } from '../observability/log.service.js';
import { Database } from './database.js';
import { operatorMessage } from './operator-message.js';
import { SEALED_COLUMNS, type SealedColumn, type SealedText } from './sealed-column.js';
import { Sealer, type Sealed } from './sealer.js';
import { StorageStartError } from './storage-start.error.js';
import { inTransaction } from './transaction.js';

const EVERY_MS = 600_000;

const CONTEXT = { context: 'Resealing' };

/** Between two batches, so that requests have the database to themselves most of the time. */
const REST_MS = 20;

/** Others get their turn after so much; longer texts are opened in steps. Characters. */
const SEALED_AT_ONCE = 256 * 1024;

/** Texts between two lines of the log. */
const PROGRESS_EVERY = 10_000;

/**
 * Brings what is stored under the key that seals now: what an earlier key sealed, and what was plain before there was
 * one. In small batches beside the service; what changes meanwhile is left alone, for it is sealed with the new key, and
 * so any number of processes may be at it. A run that was broken off goes on where it was.
 */
@Injectable()
export class ResealingService implements OnModuleInit, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private readonly stopped = new Promise<void>((resolve) => {
    this.stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  private readonly toldUnneeded = new Set<string>();
  private readonly seenPlain = new Set<SealedColumn>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    // Operators wait for these lines; Nest's own `log` is for debugging.
    private readonly log: LogService,
  ) {}

  /**
   * Before anything listens. A PostgreSQL that is not ready yet is asked by `start`.
   * @throws StorageStartError when something is sealed with a key that is not configured
   */
  async onModuleInit(): Promise<void> {
    if (this.database.ready) await this.refuseMissingKeys();
  }

  /**
   * Call once, when the database is ready. The work itself goes on in the background, now and every ten minutes.
   * @throws StorageStartError when something is sealed with a key that is not configured
   */
  async start(): Promise<void> {
    await this.refuseMissingKeys();
    if (this.sealer.current === null) return;
    this.turn();
    this.timer = setInterval(() => this.turn(), EVERY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.timer);
    await this.running;
  }

  /**
   * Seals anew what is not sealed with the present key, and removes from the files what stood there before (on SQLite; on
   * PostgreSQL the server is asked). Plain texts are looked for until all rows have been seen once: this process adds none.
   *
   * @returns how many texts
   */
  async reseal(): Promise<number> {
    const { kysely } = this.database;
    let done = 0;
    for (const column of SEALED_COLUMNS) {
      for (const name of await column.listKeyNames(kysely)) {
        if (name !== this.sealer.current) done += await this.resealAll(column, name);
      }
      if (!this.seenPlain.has(column)) done += await this.sealPlain(column);
      this.seenPlain.add(column);
    }
    const unneeded = await this.listUnneeded();
    // What was sealed by a process that died is told by this one, so the files are looked after here.
    if (done > 0 || unneeded.length > 0) await this.purge();
    if (done > 0) this.log.info(CONTEXT, `sealed ${done} texts anew with ${this.sealer.current}`);
    for (const name of unneeded) {
      this.toldUnneeded.add(name);
      this.log.info(CONTEXT, `nothing is sealed with ${name} any more: CONVERSATION_KEYS does not need it`);
    }
    return done;
  }

  private turn(): void {
    this.running = this.running
      .then(() => this.reseal())
      .catch((error: unknown) => {
        if (!this.stopping.signal.aborted)
          this.log.warn(CONTEXT, `not sealed anew: ${operatorMessage(error)}`);
      });
  }

  private async resealAll(column: SealedColumn, name: string): Promise<number> {
    let done = 0;
    let skipped = 0;
    for (;;) {
      const texts = await column.listSealedWith(name, skipped, this.database.kysely);
      if (texts.length === 0) return done;
      const replaced = await this.replace(column, texts, name);
      // What was changed meanwhile is left to the next run, as is what cannot be opened.
      skipped += texts.length - replaced;
      this.tellProgress(column, done, replaced);
      done += replaced;
      await this.rest();
    }
  }

  private async sealPlain(column: SealedColumn): Promise<number> {
    let done = 0;
    let after: readonly unknown[] | undefined;
    for (;;) {
      const { texts, last } = await column.listPlain(after, this.database.kysely);
      if (last === undefined) return done;
      const replaced = await this.replace(column, texts, null);
      this.tellProgress(column, done, replaced);
      done += replaced;
      after = last;
      await this.rest();
    }
  }

  /** @returns how many were replaced: not those that were changed meanwhile, nor those that cannot be opened */
  private async replace(
    column: SealedColumn,
    texts: readonly SealedText[],
    name: string | null,
  ): Promise<number> {
    const sealed: { old: SealedText; by: Sealed | undefined }[] = [];
    const slices = new Slices(SEALED_AT_ONCE);
    for (const old of texts) {
      sealed.push({ old, by: await this.sealAnew(old, name) });
      await slices.after(old.text.length);
    }
    return inTransaction(this.database.kysely, async (trx) => {
      let count = 0;
      for (const { old, by } of sealed) if (by && (await column.replace(old, by, trx))) count += 1;
      return count;
    });
  }

  /** Rejects when the process is to end: the next start goes on from here. */
  private rest(): Promise<void> {
    return pause(REST_MS, undefined, { signal: this.stopping.signal });
  }

  private tellProgress({ table }: SealedColumn, before: number, more: number): void {
    if (Math.floor(before / PROGRESS_EVERY) < Math.floor((before + more) / PROGRESS_EVERY)) {
      this.log.info(CONTEXT, `${before + more} texts of ${table} sealed anew so far`);
    }
  }

  /** @returns `undefined`: it cannot be opened, and the log says why */
  private async sealAnew({ text, place }: SealedText, name: string | null): Promise<Sealed | undefined> {
    try {
      const long = text.length > SEALED_AT_ONCE;
      const opened = long
        ? await this.sealer.openLong(text, name, place)
        : this.sealer.open(text, name, place);
      return this.sealer.seal(opened, place);
    } catch {
      return undefined;
    }
  }

  /** Old texts are in no file any more when this resolves. Rejects when the process is to end: the next start does it. */
  private async purge(): Promise<void> {
    await Promise.race([this.database.purgeDeleted(), this.stopped]);
    this.stopping.signal.throwIfAborted();
  }

  /** Keys that seal nothing any more, as far as that was not told. */
  private async listUnneeded(): Promise<string[]> {
    const used = await this.namesInUse();
    return this.sealer.names.filter(
      (name) => name !== this.sealer.current && !used.has(name) && !this.toldUnneeded.has(name),
    );
  }

  private async refuseMissingKeys(): Promise<void> {
    const missing = [...(await this.namesInUse())].filter((name) => !this.sealer.knows(name));
    if (missing.length > 0) {
      throw new StorageStartError(
        `Stored conversations are sealed with keys that CONVERSATION_KEYS does not have: ${missing.join(', ')}. ` +
          'Add them after the key that is to seal from now on; what they sealed is then sealed anew.',
      );
    }
  }

  private async namesInUse(): Promise<Set<string>> {
    const names = new Set<string>();
    for (const column of SEALED_COLUMNS) {
      for (const name of await column.listKeyNames(this.database.kysely)) names.add(name);
    }
    return names;
  }
}
