/** One item of each source in turn, until all have ended. */
export function* interleave<T>(sources: readonly Iterator<T>[]): Generator<T> {
  let open = [...sources];
  while (open.length > 0) {
    const still: Iterator<T>[] = [];
    for (const source of open) {
      const next = source.next();
      if (next.done === true) continue;
      still.push(source);
      yield next.value;
    }
    open = still;
  }
}
