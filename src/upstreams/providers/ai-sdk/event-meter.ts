/** Where the last blank line ends, counted from the start of `bytes`; -1 where there is none. */
function lastEventEnd(bytes: Buffer): number {
  const lf = bytes.lastIndexOf('\n\n');
  const crlf = bytes.lastIndexOf('\n\r\n');
  return Math.max(lf < 0 ? -1 : lf + 2, crlf < 0 ? -1 : crlf + 3);
}

/**
 * Counts what a parser of server-sent events has to hold: the bytes since the last blank line, in whatever cut they
 * come. CR alone ends no line here, as no vendor ends its lines so.
 */
export class EventMeter {
  private held = 0;
  /** The end of the last read: a blank line may be cut in two. */
  private tail = Buffer.alloc(0);

  /** Counts one more read. @returns bytes of the event that has no end yet */
  add(bytes: Buffer): number {
    const seam = Buffer.concat([this.tail, bytes.subarray(0, 2)]);
    const endInSeam = lastEventEnd(seam);
    const end = Math.max(lastEventEnd(bytes), endInSeam < 0 ? -1 : endInSeam - this.tail.length);
    this.held = end < 0 ? this.held + bytes.length : bytes.length - end;
    this.tail = Buffer.concat([this.tail, bytes.subarray(-2)]).subarray(-2);
    return this.held;
  }
}
