import { ByteBuffer } from './byte-buffer.js';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

/** What keeping one `data:` line costs beside its bytes, so that a million empty lines are bounded as well. */
const LINE_OVERHEAD_BYTES = 64;

export const DEFAULT_MAX_EVENT_BYTES = 8 * 1024 * 1024;

/** One event, or one line, is larger than the decoder may hold. The decoder is of no use afterwards. */
export class SseEventTooLargeError extends Error {
  constructor(maxEventBytes: number) {
    super(`A server-sent event is larger than ${maxEventBytes} bytes.`);
    this.name = 'SseEventTooLargeError';
  }
}

/** @param name the `event:` field; empty where the event has none */
export type SseEventListener = (data: string, name: string) => void;

/**
 * Incremental decoder of `text/event-stream`: bytes in, in any cut; the `data` of each event out, synchronously and in
 * order. Lines may end in LF, CRLF or CR; comments, `id:` and `retry:` are dropped; several `data:` lines are joined
 * with LF; an event without `data` is none. Characters are decoded a whole line at a time, so no cut can break one.
 *
 * Cost is linear in the bytes. Memory is one unfinished event, at most `maxEventBytes` (and its doubling buffer).
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11)
 */
export class SseDecoder {
  private readonly partialLine = new ByteBuffer();
  private data: string | undefined;
  private name = '';
  private eventBytes = 0;
  private atStart = true;
  /** The last read ended in CR: an LF at the head of the next one belongs to it. */
  private skipLineFeed = false;

  constructor(
    private readonly onEvent: SseEventListener,
    private readonly maxEventBytes = DEFAULT_MAX_EVENT_BYTES,
  ) {}

  /** @throws SseEventTooLargeError */
  push(read: Uint8Array): void {
    const length = read.length;
    if (length === 0) return;
    const bytes = Buffer.isBuffer(read) ? read : Buffer.from(read.buffer, read.byteOffset, length);
    let start = 0;
    if (this.skipLineFeed) {
      this.skipLineFeed = false;
      if (bytes[0] === LF) start = 1;
    }

    // Each kind of line end is searched for once and remembered: a stream that never uses CR pays one scan a read.
    let lineFeed = position(bytes, LF, start);
    let carriageReturn = position(bytes, CR, start);
    while (start < length) {
      if (lineFeed < start) lineFeed = position(bytes, LF, start);
      if (carriageReturn < start) carriageReturn = position(bytes, CR, start);
      const end = lineFeed < carriageReturn ? lineFeed : carriageReturn;
      if (end === length) break;
      this.line(bytes, start, end);
      start = end + 1;
      if (end === carriageReturn) {
        if (start === length) this.skipLineFeed = true;
        else if (bytes[start] === LF) start += 1;
      }
    }

    if (start < length) {
      this.partialLine.append(bytes, start, length);
      this.checkSize();
    }
  }

  /**
   * The stream is over: delivers a last event that lacks its blank line, as the official clients do.
   * @throws SseEventTooLargeError
   */
  end(): void {
    if (this.partialLine.length > 0) this.line(Buffer.alloc(0), 0, 0);
    this.dispatch();
  }

  private line(bytes: Buffer, start: number, end: number): void {
    if (this.partialLine.length === 0) {
      this.field(bytes, start, end);
      return;
    }
    this.partialLine.append(bytes, start, end);
    const whole = this.partialLine.view();
    this.partialLine.clear();
    this.field(whole, 0, whole.length);
  }

  private field(bytes: Buffer, lineStart: number, end: number): void {
    let start = lineStart;
    if (this.atStart) {
      this.atStart = false;
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
    }
    if (start >= end) {
      this.dispatch();
    } else if (isField(bytes, start, end, 'data')) {
      const value = bytes.toString('utf8', valueStart(bytes, start + 4, end), end);
      this.data = this.data === undefined ? value : `${this.data}\n${value}`;
      this.eventBytes += end - start + LINE_OVERHEAD_BYTES;
      this.checkSize();
    } else if (isField(bytes, start, end, 'event')) {
      this.name = bytes.toString('utf8', valueStart(bytes, start + 5, end), end);
    }
  }

  private dispatch(): void {
    const { data, name } = this;
    this.data = undefined;
    this.name = '';
    this.eventBytes = 0;
    if (data !== undefined) this.onEvent(data, name);
  }

  private checkSize(): void {
    if (this.eventBytes + this.partialLine.length > this.maxEventBytes + LINE_OVERHEAD_BYTES)
      throw new SseEventTooLargeError(this.maxEventBytes);
  }
}

/** Where `byte` stands at or after `from`; `bytes.length` where it does not. */
function position(bytes: Buffer, byte: number, from: number): number {
  if (bytes[from] === byte) return from;
  const found = bytes.indexOf(byte, from);
  return found === -1 ? bytes.length : found;
}

/** True for `name:…` and for a bare `name`. */
function isField(bytes: Buffer, start: number, end: number, name: string): boolean {
  const after = start + name.length;
  if (after > end || (after < end && bytes[after] !== COLON)) return false;
  for (let i = 0; i < name.length; i += 1) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}

function valueStart(bytes: Buffer, afterName: number, end: number): number {
  if (afterName >= end) return end;
  const value = afterName + 1;
  return value < end && bytes[value] === SPACE ? value + 1 : value;
}
