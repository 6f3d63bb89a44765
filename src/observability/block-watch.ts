import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log } from './log.js';
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
 * those that were open. Costs a request two entries in a set and an assignment or two. What took time because the
 * machine was busy is not told before it took a second.
 */
@Injectable()
export class BlockWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly open = new Set<WatchedRequest>();
  private last: WatchedRequest | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lookedAtMs = 0;
  private workedMs = 0;

  constructor(private readonly log: Log) {}

  onApplicationBootstrap(): void {
    this.lookedAtMs = performance.now();
    this.workedMs = workedMs();
    this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  begin(request: WatchedRequest): void {
    this.open.add(request);
    this.last = request;
  }

  /** Something of a request is about to be done. */
  touch(request: WatchedRequest): void {
    this.last = request;
  }

  end(request: WatchedRequest): void {
    this.open.delete(request);
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
    const others = [...this.open].filter((request) => request !== this.last);
    this.log.warn(
      {
        blocked_ms: Math.round(stoodMs),
        cpu_ms: Math.round(cpuMs),
        ...(this.last !== undefined && {
          request_id: this.last.requestId,
          method: this.last.method,
          route: loggedPath(this.last.path),
        }),
        open_requests: this.open.size,
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
