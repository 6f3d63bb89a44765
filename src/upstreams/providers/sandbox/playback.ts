import { Observable } from 'rxjs';
import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import type { FlowGate } from '../../../streaming/flow-gate.js';
import type { UpstreamError } from '../../upstream.errors.js';
import { deadlinePassed } from './failures.js';
import { timerMs } from './pause.js';

/** What a stream will do. */
export interface Script<Chunk> {
  readonly chunks: Iterator<Chunk>;
  readonly chunksPerRead: number;
  /** Pause before every read; 0: as fast as the event loop goes round. */
  readonly pauseMs: number;
  readonly ending: 'complete' | 'silence' | UpstreamError;
}

/**
 * Plays a script as an upstream's stream: some chunks a turn of the event loop, waiting at `flow`, ended as
 * `upstream_timeout` at the caller's deadlines. Cold; after unsubscribing nothing runs and no timer is left.
 *
 * @param write makes the script, once a subscriber is there, until the signal aborts because that left; what it throws
 * ends the stream
 */
export function play<Chunk>(
  write: (signal: AbortSignal) => Promise<Script<Chunk>>,
  timeouts: UpstreamTimeouts,
  flow: FlowGate,
): Observable<Chunk> {
  return new Observable<Chunk>((subscriber) => {
    let turn: NodeJS.Immediate | undefined;
    let pause: NodeJS.Timeout | undefined;
    let script: Script<Chunk> | undefined;
    let begun = false;
    const left = new AbortController();
    const timeOut = () => subscriber.error(deadlinePassed());
    // Until the first event; from then on only silence ends a stream.
    let deadline = setTimeout(timeOut, timerMs(Math.min(timeouts.firstTokenMs, timeouts.totalMs)));

    const schedule = (pauseMs: number) => {
      if (pauseMs > 0) pause = setTimeout(passGate, pauseMs);
      else turn = setImmediate(passGate);
    };
    const passGate = () => {
      if (flow.closed) void flow.passage().then(begin);
      else begin();
    };
    const begin = () => {
      if (subscriber.closed) return;
      if (script !== undefined) return read(script);
      write(left.signal).then(
        (written) => {
          script = written;
          if (!subscriber.closed) passGate();
        },
        (error: unknown) => {
          if (!subscriber.closed) subscriber.error(error);
        },
      );
    };
    const read = (from: Script<Chunk>) => {
      try {
        for (let count = 0; count < from.chunksPerRead; count += 1) {
          const next = from.chunks.next();
          if (next.done === true) return end(from.ending);
          if (!begun) clearTimeout(deadline);
          begun = true;
          subscriber.next(next.value);
          if (subscriber.closed) return undefined;
        }
        return schedule(from.pauseMs);
      } catch (error) {
        return subscriber.error(error);
      }
    };
    const end = (ending: Script<Chunk>['ending']) => {
      if (ending === 'complete') subscriber.complete();
      else if (ending !== 'silence') subscriber.error(ending);
      else if (begun) deadline = setTimeout(timeOut, timerMs(timeouts.betweenChunksMs));
    };

    schedule(0);
    return () => {
      left.abort();
      clearImmediate(turn);
      clearTimeout(pause);
      clearTimeout(deadline);
    };
  });
}
