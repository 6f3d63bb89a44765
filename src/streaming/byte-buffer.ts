const EMPTY = Buffer.alloc(0);
const FIRST_CAPACITY = 4 * 1024;
/** Larger memory is given back at `clear()`, so that one huge event does not stay with an hour-long stream. */
const KEPT_CAPACITY = 64 * 1024;

/** Bytes that arrive in pieces. Capacity doubles, so n bytes in any number of pieces cost O(n) time and memory. */
export class ByteBuffer {
  private bytes = EMPTY;
  private used = 0;

  get length(): number {
    return this.used;
  }

  /** Copies `source[start, end)` to the end. */
  append(source: Uint8Array, start = 0, end = source.length): void {
    const needed = this.used + end - start;
    if (needed > this.bytes.length) this.grow(needed);
    this.bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.used);
    this.used = needed;
  }

  /** All bytes so far, without a copy: good until the next `append`. */
  view(): Buffer {
    return this.bytes.subarray(0, this.used);
  }

  clear(): void {
    this.used = 0;
    if (this.bytes.length > KEPT_CAPACITY) this.bytes = EMPTY;
  }

  private grow(needed: number): void {
    let capacity = Math.max(this.bytes.length, FIRST_CAPACITY);
    while (capacity < needed) capacity *= 2;
    const larger = Buffer.allocUnsafe(capacity);
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
  }
}
