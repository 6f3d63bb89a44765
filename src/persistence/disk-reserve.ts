import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** More than the write-ahead log holds before it is written back, and what a deletion writes. */
const RESERVE_BYTES = 8 * 1024 * 1024;

/** The log and a growing database need room, too: the reserve takes nothing of this. */
const WORKING_BYTES = 8 * 1024 * 1024;

const CHUNK_BYTES = 1024 * 1024;

/**
 * A file that holds some of the disk, so that there is room to delete something when the rest is full. Filled with bytes
 * that no file system compresses.
 */
export class DiskReserve {
  private taking: Promise<void> = Promise.resolve();
  private isSpent = false;
  private closed = false;

  constructor(
    private readonly folder: string,
    private readonly path: string,
  ) {}

  /** Given up, and not taken again yet: the disk was full. */
  get spent(): boolean {
    return this.isSpent;
  }

  /**
   * Takes it where it is not held and the disk has room enough; nothing after `close()`. Never rejects; nothing need
   * wait for it.
   */
  take(): Promise<void> {
    if (this.closed) return this.taking;
    return (this.taking = this.taking.then(() => this.takeNow()).catch(() => this.remove()));
  }

  /** Gives its room to whoever writes next. */
  async release(): Promise<void> {
    this.isSpent = true;
    await this.taking;
    this.remove();
  }

  /** Bytes that the disk has left for the process. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Waits for what is under way; the file stays. From now on the folder may be another process's. */
  async close(): Promise<void> {
    this.closed = true;
    await this.taking;
  }

  private async takeNow(): Promise<void> {
    if (this.held()) {
      this.isSpent = false;
      return;
    }
    if (this.freeBytes() < RESERVE_BYTES + WORKING_BYTES) return;
    const file = await open(this.path, 'w', 0o600);
    try {
      const chunk = randomBytes(CHUNK_BYTES);
      for (let at = 0; at < RESERVE_BYTES; at += CHUNK_BYTES) await file.write(chunk);
    } finally {
      await file.close();
    }
    this.isSpent = false;
  }

  private held(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.size === RESERVE_BYTES;
  }

  private remove(): void {
    rmSync(this.path, { force: true });
  }
}
