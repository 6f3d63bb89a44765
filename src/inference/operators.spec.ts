import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, of, Subject, toArray } from 'rxjs';
import { inOrder } from './operators.js';

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
