import type { ServerResponse } from 'node:http';
import type { Observable, Subscription } from 'rxjs';
import type { FlowGate } from './flow-gate.js';
import { guardLastWrite } from './last-write.js';

export interface SseWriterOptions {
  /** Silence after which a comment is sent, in milliseconds. */
  readonly heartbeatMs: number;
  /** A client that takes no byte for this long is cut off. */
  readonly writeStallMs: number;
  /** How long the status line may wait for the first frame; afterwards failures can only go in-band. */
  readonly headersHoldMs: number;
  /** Closed while the client's socket is full; the source stops reading its upstream then. */
  readonly flow: FlowGate;
  /** Called once, before the status line. */
  readonly beforeHeaders: () => void;
  /** The last frames of a stream that broke after the status line. */
  readonly renderFailure: (error: unknown) => string;
}

export type SseOutcome = 'complete' | 'failed' | 'client_left';

/** Of every event stream. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/** A comment: clients read over it. */
export const HEARTBEAT = ': keep-alive\n\n';

/** Whether a response, its head sent, is a stream of this writer. */
export function isEventStream(response: ServerResponse): boolean {
  return response.getHeader('content-type') === EVENT_STREAM_HEADERS['content-type'];
}

/**
 * The one writer of server-sent events: subscribes to ready frames and puts them on the response.
 *
 * No header leaves before the first frame, so a source that fails before it rejects the returned promise and becomes a
 * real HTTP status. Frames that arrive in one turn of the event loop (all events of one upstream read) leave in one
 * write. A client that leaves unsubscribes the source at once; the promise settles in every case, also when the socket
 * dies while a write waits.
 */
export function writeSse(
  response: ServerResponse,
  frames: Observable<string>,
  options: SseWriterOptions,
): Promise<SseOutcome> {
  return new Promise((resolve, reject) => {
    let pending = '';
    let flushQueued = false;
    let ended = false;
    let stall: NodeJS.Timeout | undefined;
    let subscription: Subscription | undefined;
    let lastWriteMs = performance.now();

    const hold = setTimeout(() => {
      startIfNeeded();
      write(HEARTBEAT);
    }, options.headersHoldMs);
    const heartbeat = setInterval(() => {
      if (!response.headersSent || response.writableNeedDrain) return;
      if (performance.now() - lastWriteMs >= options.heartbeatMs) write(HEARTBEAT);
    }, options.heartbeatMs / 4);

    const finish = (settle: () => void): void => {
      if (ended) return;
      ended = true;
      clearTimeout(hold);
      clearInterval(heartbeat);
      clearTimeout(stall);
      response.off('drain', onDrain);
      response.off('close', onClose);
      // Opened for good: a source that waits at the gate must see that it was unsubscribed.
      options.flow.open();
      subscription?.unsubscribe();
      settle();
    };

    const onClose = (): void => finish(() => resolve('client_left'));
    const onDrain = (): void => {
      clearTimeout(stall);
      stall = undefined;
      options.flow.open();
    };

    function startIfNeeded(): void {
      if (response.headersSent) return;
      clearTimeout(hold);
      options.beforeHeaders();
      response.writeHead(200, EVENT_STREAM_HEADERS);
    }

    function write(text: string): void {
      lastWriteMs = performance.now();
      if (response.write(text)) return;
      options.flow.close();
      stall ??= setTimeout(() => response.destroy(), options.writeStallMs);
    }

    function flush(): void {
      flushQueued = false;
      if (ended || pending === '') return;
      const text = pending;
      pending = '';
      startIfNeeded();
      write(text);
    }

    function end(last: string, outcome: SseOutcome): void {
      const text = pending + last;
      pending = '';
      startIfNeeded();
      // What was handed to the socket is delivered by the kernel; a client that closes now has its answer.
      finish(() => {
        response.end(text);
        guardLastWrite(response, options.writeStallMs);
        resolve(outcome);
      });
    }

    response.on('drain', onDrain);
    response.on('close', onClose);
    if (response.destroyed) return onClose();

    subscription = frames.subscribe({
      next: (frame) => {
        if (frame === '' || ended) return;
        pending += frame;
        if (flushQueued) return;
        flushQueued = true;
        queueMicrotask(flush);
      },
      error: (error: unknown) => {
        if (ended) return;
        if (response.headersSent || pending !== '') end(options.renderFailure(error), 'failed');
        else finish(() => reject(error));
      },
      complete: () => {
        if (!ended) end('', 'complete');
      },
    });
    // A source that ended while subscribing could not be unsubscribed yet.
    if (ended) subscription.unsubscribe();
    return undefined;
  });
}
