import { DomainError } from '../common/errors/domain-error.js';

/** A kept answer in memory, for as long as it is being sent to somebody. */
export interface ReplayLease {
  readonly bytes: Buffer;
  /** May be called again. */
  release(): void;
}

/** Which answer, whose, and how much memory it takes. */
export interface ReplayRequest {
  readonly requestId: string;
  readonly accountId: string;
  readonly bytes: number;
}

/** Bounds of kept answers in memory. */
export interface ReplayBounds {
  readonly bytes: number;
  /** Of one account: clients that read nothing do not keep others waiting. */
  readonly bytesOfAccount: number;
  readonly waitMs: number;
}

const BOUNDS: ReplayBounds = { bytes: 128 * 1024 * 1024, bytesOfAccount: 32 * 1024 * 1024, waitMs: 5_000 };

const NO_ROOM = 'Too many kept answers are being sent at the moment, please try again.';

interface Shared {
  readonly loaded: Promise<Buffer>;
  readonly request: ReplayRequest;
  readers: number;
}

interface Waiting {
  readonly request: ReplayRequest;
  readonly admit: () => void;
}

/**
 * The memory of kept answers that are being sent again. All who are sent one answer at a time share its bytes; answers
 * that find no room wait a moment for it.
 */
export class ReplayMemory {
  private readonly shared = new Map<string, Shared>();
  private readonly usedBytes = new Map<string, number>();
  private totalBytes = 0;
  private waiting: Waiting[] = [];

  /** @param noRoom what is told where no room comes free in time */
  constructor(
    private readonly bounds: ReplayBounds = BOUNDS,
    private readonly noRoom = NO_ROOM,
  ) {}

  /**
   * @param load reads the answer; asked once while anybody has it
   * @throws DomainError `overloaded` where no room comes free in time; what `load` throws
   */
  async open(request: ReplayRequest, load: () => Promise<Buffer>): Promise<ReplayLease> {
    const joins = this.shared.has(request.requestId) || this.fits(request);
    const shared = joins ? this.join(request, load) : await this.wait(request, load);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.leave(shared);
    };
    try {
      return { bytes: await shared.loaded, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Takes the room at once, so that whoever asks next sees it taken. */
  private join(request: ReplayRequest, load: () => Promise<Buffer>): Shared {
    let shared = this.shared.get(request.requestId);
    if (shared === undefined) {
      this.change(request, request.bytes);
      shared = { request, readers: 0, loaded: load() };
      this.shared.set(request.requestId, shared);
    }
    shared.readers += 1;
    return shared;
  }

  /** One answer of an account is let in whatever its size. */
  private fits({ accountId, bytes }: ReplayRequest): boolean {
    const used = this.usedBytes.get(accountId) ?? 0;
    if (used > 0 && used + bytes > this.bounds.bytesOfAccount) return false;
    return this.totalBytes === 0 || this.totalBytes + bytes <= this.bounds.bytes;
  }

  private wait(request: ReplayRequest, load: () => Promise<Buffer>): Promise<Shared> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((each) => each !== entry);
        reject(new DomainError('overloaded', this.noRoom, { retryAfterMs: 1_000 }));
      }, this.bounds.waitMs);
      const entry: Waiting = {
        request,
        admit: () => {
          clearTimeout(timer);
          resolve(this.join(request, load));
        },
      };
      this.waiting.push(entry);
    });
  }

  private leave(shared: Shared): void {
    shared.readers -= 1;
    if (shared.readers > 0) return;
    this.shared.delete(shared.request.requestId);
    this.change(shared.request, -shared.request.bytes);
    this.admitWaiting();
  }

  /** In order of arrival, past those for which there is still no room. */
  private admitWaiting(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const entry of waiting) {
      if (this.shared.has(entry.request.requestId) || this.fits(entry.request)) entry.admit();
      else this.waiting.push(entry);
    }
  }

  private change({ accountId }: ReplayRequest, bytes: number): void {
    const used = (this.usedBytes.get(accountId) ?? 0) + bytes;
    if (used > 0) this.usedBytes.set(accountId, used);
    else this.usedBytes.delete(accountId);
    this.totalBytes += bytes;
  }
}
