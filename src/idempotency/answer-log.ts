import { Observable } from 'rxjs';
import type { FlowGate } from '../streaming/flow-gate.js';
import { AnswerNotKeptError } from './idempotency.errors.js';

/** Given to a reader at a time: one that is slow shows it by each of them. Characters. */
const SLICE_CHARS = 64 * 1024;

interface Reader {
  /** Pieces that it has, of all that were ever added. */
  at: number;
  /** Characters that it has. */
  chars: number;
  readonly wake: () => void;
}

/**
 * What an answer under way has said, once for all who read it: each reads at its own pace. While the answer is short
 * enough to be kept, a reader may come at any time and gets all of it. A longer answer is only passed on: nobody may join
 * any more, what all readers have is dropped, and a reader that lags too far behind is let go.
 */
export class AnswerLog {
  /** Those before `dropped` are gone. */
  private pieces: string[] = [];
  private dropped = 0;
  private added = 0;
  private tooLong = false;
  private abandoned = false;
  private end: { readonly error: unknown } | 'complete' | undefined;
  private readonly readers = new Set<Reader>();

  /**
   * @param mostChars that are kept
   * @param onAbandoned called once when the answer is too long to be kept and nobody reads it
   */
  constructor(
    private readonly mostChars: number,
    private readonly onAbandoned: () => void,
  ) {}

  /** Characters so far, kept or not. */
  get chars(): number {
    return this.added;
  }

  /** Whether all of it is still there. */
  get whole(): boolean {
    return !this.tooLong;
  }

  /** All of it, while `whole`. */
  text(): string {
    return this.pieces.join('');
  }

  add(piece: string): void {
    if (piece === '') return;
    this.pieces.push(piece);
    this.added += piece.length;
    this.tooLong ||= this.added > this.mostChars;
    for (const { wake } of this.readers) wake();
    if (this.tooLong) this.trim();
  }

  complete(): void {
    this.finish('complete');
  }

  fail(error: unknown): void {
    this.finish({ error });
  }

  /**
   * All of it from the beginning, in slices, as fast as the gate lets it; then the answer's own end.
   * Errors with AnswerNotKeptError where it is too late to join, or where the reader lags too far behind.
   */
  read(gate: FlowGate): Observable<string> {
    return new Observable((subscriber) => {
      if (this.tooLong) {
        subscriber.error(new AnswerNotKeptError());
        return undefined;
      }
      let pumping = false;
      const pump = async (): Promise<void> => {
        if (pumping) return;
        pumping = true;
        while (!subscriber.closed) {
          if (gate.closed) {
            await gate.passage();
            continue;
          }
          const slice = this.take(reader);
          if (slice === '') break;
          subscriber.next(slice);
          // Lets the writer hand the slice to the socket, and close the gate, before it is given more.
          if (reader.at < this.dropped + this.pieces.length) await Promise.resolve();
        }
        pumping = false;
        if (this.tooLong) this.trim();
        if (this.lagsTooFar(reader)) subscriber.error(new AnswerNotKeptError());
        else if (reader.at === this.dropped + this.pieces.length) this.tellEnd(subscriber);
      };
      const reader: Reader = { at: 0, chars: 0, wake: () => void pump() };
      this.readers.add(reader);
      void pump();
      return () => {
        this.readers.delete(reader);
        if (this.tooLong) this.trim();
      };
    });
  }

  private tellEnd(subscriber: { complete(): void; error(reason: unknown): void }): void {
    if (this.end === 'complete') subscriber.complete();
    else if (this.end !== undefined) subscriber.error(this.end.error);
  }

  private take(reader: Reader): string {
    let slice = '';
    while (slice.length < SLICE_CHARS) {
      const piece = this.pieces[reader.at - this.dropped];
      if (piece === undefined) break;
      slice += piece;
      reader.at += 1;
    }
    reader.chars += slice.length;
    return slice;
  }

  private lagsTooFar({ chars }: Reader): boolean {
    return this.tooLong && this.added - chars > this.mostChars;
  }

  /** Drops what no reader needs; where there is none, the answer is abandoned. */
  private trim(): void {
    let slowest = this.dropped + this.pieces.length;
    for (const reader of this.readers) {
      if (this.lagsTooFar(reader)) {
        this.readers.delete(reader);
        reader.at = Infinity;
        reader.wake();
      } else slowest = Math.min(slowest, reader.at);
    }
    this.pieces.splice(0, slowest - this.dropped);
    this.dropped = slowest;
    if (this.readers.size > 0 || this.end !== undefined || this.abandoned) return;
    this.abandoned = true;
    this.onAbandoned();
  }

  private finish(end: { readonly error: unknown } | 'complete'): void {
    this.end ??= end;
    for (const { wake } of this.readers) wake();
  }
}
