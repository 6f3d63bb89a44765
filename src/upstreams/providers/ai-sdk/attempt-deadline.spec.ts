import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { UpstreamError } from '../../upstream.errors.js';
import { AttemptDeadline } from './attempt-deadline.js';

const TIMEOUTS = { connectMs: 1, firstTokenMs: 100, betweenChunksMs: 50, totalMs: 1000 };

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function expired(deadline: AttemptDeadline): boolean {
  const reason: unknown = deadline.signal.reason;
  return reason instanceof UpstreamError && reason.code === 'upstream_timeout';
}

describe('AttemptDeadline', () => {
  it('gives a whole answer its total time and nothing else', () => {
    const deadline = new AttemptDeadline(TIMEOUTS, 'whole');
    deadline.reading();
    deadline.heard();
    deadline.reading();
    jest.advanceTimersByTime(999);
    expect(expired(deadline)).toBe(false);
    jest.advanceTimersByTime(1);
    expect(expired(deadline)).toBe(true);
  });

  it('U3: cuts a stream that does not begin, at the shorter of first token and total', () => {
    const deadline = new AttemptDeadline(TIMEOUTS, 'stream');
    deadline.reading();
    jest.advanceTimersByTime(100);
    expect(expired(deadline)).toBe(true);
    const short = new AttemptDeadline({ ...TIMEOUTS, totalMs: 10 }, 'stream');
    jest.advanceTimersByTime(10);
    expect(expired(short)).toBe(true);
  });

  it('U19, U26: cuts a silent stream, never one that goes on', () => {
    const deadline = new AttemptDeadline(TIMEOUTS, 'stream');
    for (let read = 0; read < 100; read += 1) {
      deadline.reading();
      jest.advanceTimersByTime(49);
      deadline.heard();
    }
    expect(expired(deadline)).toBe(false);
    deadline.reading();
    jest.advanceTimersByTime(50);
    expect(expired(deadline)).toBe(true);
  });

  it('K4: does not count the time in which nobody reads', () => {
    const deadline = new AttemptDeadline(TIMEOUTS, 'stream');
    deadline.heard();
    jest.advanceTimersByTime(60_000);
    expect(expired(deadline)).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends within the grace however the rest drips, and leaves no timer behind', () => {
    const deadline = new AttemptDeadline(TIMEOUTS, 'stream');
    deadline.heard();
    deadline.endWithin(200);
    for (let read = 0; read < 10; read += 1) {
      deadline.reading();
      jest.advanceTimersByTime(20);
      deadline.heard();
    }
    expect(expired(deadline)).toBe(true);
    deadline.reading();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('K1: aborts for who has gone, once and for all', () => {
    const deadline = new AttemptDeadline(TIMEOUTS, 'stream');
    deadline.abort();
    deadline.reading();
    jest.advanceTimersByTime(1000);
    expect(deadline.signal.reason).toMatchObject({ code: 'upstream_error' });
    expect(jest.getTimerCount()).toBe(0);
  });
});
