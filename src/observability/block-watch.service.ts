import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LogService } from './log.service.js';
import { loggedPath } from './logged-path.js';

/** What the watch knows a request by. */
export interface WatchedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
}

/** The loop is looked at so often. */
const LOOK_MS = 100;
/** A standstill of this much is told. */
const TOLD_FROM_MS = 200;
/** With less work than this the thread waited, for the processor or the disk … */
const WORKED_FROM_MS = 100;
/** … which is told only when it was long. */
const TOLD_ANYWAY_FROM_MS = 1_000;
/** Of others that were open meanwhile, so many are named. */
const MAX_OPEN_NAMED = 10;

/**
 * Tells when the event loop stood still, so that nobody was served: one line with the request that was at work last and
 * those that were open. Costs a request an entry in a list and an assignment or two. What took time because the machine
 * was busy is not told before it took a second.
 */
@Injectable()
export class BlockWatchService implements OnApplicationBootstrap, OnModuleDestroy {
  /**
   * By slot. A `Set` would keep every request alive until the old generation is collected: the tables that it outgrows
   * are old, and still name what was open. It cost a request 25 µs of collecting garbage.
   */
  private readonly open: (WatchedRequest | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private last: WatchedRequest | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lookedAtMs = 0;
  private workedMs = 0;

  constructor(private readonly log: LogService) {}

  onApplicationBootstrap(): void {
    this.lookedAtMs = performance.now();
    this.workedMs = workedMs();
    this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** @returns its slot, for `end` */
  begin(request: WatchedRequest): number {
    const slot = this.freeSlots.pop() ?? this.open.length;
    this.open[slot] = request;
    this.last = request;
    return slot;
  }

  /** Something of a request is about to be done. */
  touch(request: WatchedRequest): void {
    this.last = request;
  }

  /** @param slot that `begin` gave it */
  end(request: WatchedRequest, slot: number): void {
    this.open[slot] = undefined;
    this.freeSlots.push(slot);
    this.last = request;
  }

  private look(): void {
    const nowMs = performance.now();
    const stoodMs = nowMs - this.lookedAtMs - LOOK_MS;
    this.lookedAtMs = nowMs;
    if (stoodMs < TOLD_FROM_MS) {
      // Read only from time to time: it asks the system.
      if (stoodMs < TOLD_FROM_MS / 2) this.workedMs = workedMs();
      return;
    }
    const worked = workedMs();
    const cpuMs = worked - this.workedMs;
    this.workedMs = worked;
    if (cpuMs < WORKED_FROM_MS && stoodMs < TOLD_ANYWAY_FROM_MS) return;
    const open = this.open.filter((request) => request !== undefined);
    const others = open.filter((request) => request !== this.last);
    this.log.warn(
      {
        blocked_ms: Math.round(stoodMs),
        cpu_ms: Math.round(cpuMs),
        ...(this.last !== undefined && {
          request_id: this.last.requestId,
          method: this.last.method,
          route: loggedPath(this.last.path),
        }),
        open_requests: open.length,
        also_open: others.slice(0, MAX_OPEN_NAMED).map(({ requestId }) => requestId),
      },
      'the event loop stood still: nobody was served meanwhile',
    );
  }
}

/** CPU milliseconds of this thread, or where Node cannot tell (before 23.9) of the process. */
function workedMs(): number {
  const { user, system } = (process.threadCpuUsage ?? process.cpuUsage)();
  return (user + system) / 1000;
}
