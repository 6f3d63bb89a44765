import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, of, Subject, toArray } from 'rxjs';
import { handOver, inOrder, whenLeft, type Successor } from './operators.js';

describe('inOrder', () => {
  it('passes on at once what need not wait', () => {
    const source = new Subject<number>();
    const { got } = watched(source);
    source.next(1);
    source.next(3);
    source.complete();
    expect(got).toEqual([1, 3, 'end']);
  });

  it.each(['end', 'broken'])('keeps values in order, and the end behind them: %s', async (end) => {
    const source = new Subject<number>();
    const { got, asked, doors } = watched(source);
    for (const value of [1, 2, 3, 4, 5]) source.next(value);
    if (end === 'end') source.complete();
    else source.error(new Error(end));
    await turn();
    expect([got, asked]).toEqual([[1], [1, 2]]);
    doors[0]?.();
    await turn();
    expect([got, asked]).toEqual([
      [1, 20, 3],
      [1, 2, 3, 4],
    ]);
    doors[1]?.();
    await turn();
    expect(got).toEqual([1, 20, 3, 40, 5, end]);
  });

  it('goes on at once after a wait', async () => {
    const source = new Subject<number>();
    const { got, doors } = watched(source);
    source.next(2);
    doors[0]?.();
    await turn();
    source.next(7);
    expect(got).toEqual([20, 7]);
  });

  it('drops what waits when nobody listens any more, and asks nothing about it', async () => {
    const source = new Subject<number>();
    const { got, asked, doors, subscription } = watched(source);
    for (const value of [2, 3, 4]) source.next(value);
    subscription.unsubscribe();
    doors[0]?.();
    await turn();
    expect([got, asked]).toEqual([[], [2]]);
    expect(source.observed).toBe(false);
  });

  it('tells of what it drops, that which was being passed first', async () => {
    for (const ended of [false, true]) {
      const source = new Subject<number>();
      const dropped: number[][] = [];
      const subscription = source
        .pipe(
          inOrder(
            (value) => (value === 2 ? new Promise<number>(() => undefined) : value),
            (values) => dropped.push([...values]),
          ),
        )
        .subscribe();
      for (const value of [1, 2, 3]) source.next(value);
      if (ended) source.complete();
      subscription.unsubscribe();
      expect(dropped).toEqual([[2, 3]]);
    }
  });

  it('tells of nothing that it passed on', async () => {
    const source = new Subject<number>();
    const dropped: number[][] = [];
    const subscription = source
      .pipe(
        inOrder(
          (value) => Promise.resolve(value),
          (values) => dropped.push([...values]),
        ),
      )
      .subscribe();
    for (const value of [1, 2, 3]) source.next(value);
    await turn();
    subscription.unsubscribe();
    expect(dropped).toEqual([]);
  });

  it('fails with what is thrown, and hears of nothing more', async () => {
    const source = new Subject<number>();
    const failed = lastValueFrom(
      source.pipe(
        inOrder((value) => {
          if (value === 2) throw new Error('thrown');
          return value;
        }),
      ),
    );
    source.next(1);
    source.next(2);
    expect(source.observed).toBe(false);
    await expect(failed).rejects.toThrow('thrown');
  });

  it('fails with what is waited for', async () => {
    const failing = of(1, 2).pipe(
      inOrder((value) => (value === 1 ? value : Promise.reject(new Error('no')))),
      toArray(),
    );
    await expect(lastValueFrom(failing)).rejects.toThrow('no');
  });
});

/** Holds what is even back, and tells of each value that it was asked about. */
function watched(source: Subject<number>) {
  const doors: (() => void)[] = [];
  const asked: number[] = [];
  const got: unknown[] = [];
  const subscription = source
    .pipe(
      inOrder((value) => {
        asked.push(value);
        if (value % 2 === 1) return value;
        return new Promise<number>((resolve) => doors.push(() => resolve(value * 10)));
      }),
    )
    .subscribe({
      next: (value) => got.push(value),
      error: (error: Error) => got.push(error.message),
      complete: () => got.push('end'),
    });
  return { doors, asked, got, subscription };
}

function heirOf(got: unknown[]): Successor<number> {
  return { next: (value) => got.push(value), ended: () => got.push('ended') };
}

describe('handOver', () => {
  it('gives the rest of what is unsubscribed to its successor, and its end', () => {
    const source = new Subject<number>();
    const [first, rest]: [unknown[], unknown[]] = [[], []];
    const subscription = source.pipe(handOver(() => heirOf(rest))).subscribe((value) => first.push(value));
    source.next(1);
    subscription.unsubscribe();
    source.next(2);
    source.complete();
    expect([first, rest]).toEqual([[1], [2, 'ended']]);
  });

  it.each(['complete', 'error'] as const)('asks for none after the end: %s', (end) => {
    const source = new Subject<number>();
    let asked = 0;
    source
      .pipe(
        handOver(() => {
          asked += 1;
          return undefined;
        }),
      )
      .subscribe({ error: () => undefined });
    source[end](undefined as never);
    expect(asked).toBe(0);
  });

  it('unsubscribes what nobody takes over, and what its successor has had enough of', () => {
    const source = new Subject<number>();
    source
      .pipe(handOver(() => undefined))
      .subscribe()
      .unsubscribe();
    expect(source.observed).toBe(false);

    let stop: (() => void) | undefined;
    const rest: unknown[] = [];
    source
      .pipe(
        handOver((ends) => {
          stop = ends;
          return heirOf(rest);
        }),
      )
      .subscribe()
      .unsubscribe();
    expect(source.observed).toBe(true);
    stop?.();
    expect(source.observed).toBe(false);
    expect(rest).toEqual([]);
  });
});

describe('whenLeft', () => {
  it('tells of a subscriber that goes before the end, while the source is still there', () => {
    const source = new Subject<number>();
    const seen: boolean[] = [];
    const left = () => seen.push(source.observed);
    source.pipe(whenLeft(left)).subscribe().unsubscribe();
    expect(seen).toEqual([true]);
    source.pipe(whenLeft(left)).subscribe();
    source.complete();
    expect(seen).toEqual([true]);
  });
});
