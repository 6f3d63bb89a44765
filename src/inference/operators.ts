import { Observable, Subscription, type MonoTypeOperatorFunction } from 'rxjs';

/** Errors when the signal aborts; unsubscribes the source then, as for any error. */
export function failWhenAborted<T>(signal: AbortSignal, makeError: () => Error): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      const fail = (): void => subscriber.error(makeError());
      if (signal.aborted) return fail();
      signal.addEventListener('abort', fail, { once: true });
      subscriber.add(() => signal.removeEventListener('abort', fail));
      subscriber.add(source.subscribe(subscriber));
      return undefined;
    });
}

/** Calls `left` when it is unsubscribed before its end, and before the source is. */
export function whenLeft<T>(left: () => void): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      let over = false;
      const inner = source.subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => {
          over = true;
          subscriber.error(error);
        },
        complete: () => {
          over = true;
          subscriber.complete();
        },
      });
      return () => {
        if (!over) left();
        inner.unsubscribe();
      };
    });
}

/** Who takes a source over when whoever had it goes. */
export interface Successor<T> {
  next(value: T): void;
  /** By itself, well or not. */
  ended(): void;
}

/**
 * When it is unsubscribed before its end, asks who is to have the rest: without an answer the source is unsubscribed, as
 * ever; with one it goes on, and what it says goes there.
 *
 * @param successor given what unsubscribes the source
 */
export function handOver<T>(
  successor: (stop: () => void) => Successor<T> | undefined,
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      let heir: Successor<T> | undefined;
      let over = false;
      const inner = new Subscription();
      const end = (tell: () => void): void => {
        over = true;
        if (heir === undefined) tell();
        else heir.ended();
      };
      inner.add(
        source.subscribe({
          next: (value) => (heir ?? subscriber).next(value),
          error: (error: unknown) => end(() => subscriber.error(error)),
          complete: () => end(() => subscriber.complete()),
        }),
      );
      return () => {
        if (!over) heir = successor(() => inner.unsubscribe());
        if (heir === undefined) inner.unsubscribe();
      };
    });
}

/** Lets values through until `done()` says so after one of them; then completes and unsubscribes the source. */
export function cutWhen<T>(done: () => boolean): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) =>
      source.subscribe({
        next: (value) => {
          subscriber.next(value);
          if (done()) subscriber.complete();
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
}

/**
 * Passes values on in their order, each at once or, where `pass` gives a promise, when that resolves; what follows waits
 * until then, and so does the end, be it an error. What waits when nobody listens any more is dropped, and `pass` is not
 * called for it. What `pass` throws, or its promise rejects with, is the error of the whole.
 *
 * @param dropped told of what waits when it is unsubscribed before its end, in order, that which `pass` has first
 */
export function inOrder<T>(
  pass: (value: T) => T | Promise<T>,
  dropped?: (values: readonly T[]) => void,
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      /** That which `pass` has is the first of them. */
      const waiting: T[] = [];
      let end: (() => void) | undefined;
      let held = false;

      const passAll = async (value: T, first: Promise<T>): Promise<void> => {
        held = true;
        waiting.push(value);
        let passed: T | Promise<T> = first;
        try {
          while (!subscriber.closed) {
            const next = await passed;
            // Before it is passed on: whoever unsubscribes then has it.
            if (!subscriber.closed) waiting.shift();
            subscriber.next(next);
            if (waiting.length === 0) break;
            if (!subscriber.closed) passed = pass(waiting[0] as T);
          }
          held = false;
          end?.();
        } catch (error) {
          subscriber.error(error);
        }
      };
      const finish = (how: () => void): void => {
        if (held) end = how;
        else how();
      };

      const inner = source.subscribe({
        next: (value) => {
          if (held) return void waiting.push(value);
          let passed: T | Promise<T>;
          try {
            passed = pass(value);
          } catch (error) {
            // Thrown here it would be nobody's, and end the process.
            return subscriber.error(error);
          }
          if (passed instanceof Promise) void passAll(value, passed);
          else subscriber.next(passed);
        },
        error: (error: unknown) => finish(() => subscriber.error(error)),
        complete: () => finish(() => subscriber.complete()),
      });
      return () => {
        inner.unsubscribe();
        if (waiting.length > 0) dropped?.(waiting);
      };
    });
}
