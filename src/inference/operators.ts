import { Observable, type MonoTypeOperatorFunction } from 'rxjs';

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
