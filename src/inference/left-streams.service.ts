import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { InFlight } from './in-flight.js';

/** A stream of a model that is not known to think is heard out so long: an upstream hears of a leave within a second. */
const HEARD_OUT_MS = 800;

/** Of what nobody reads any more, so much is read on: beyond that, the usage is not near, and we pay for it. */
const HEARD_OUT_CHARS = 1_024;
const HEARD_OUT_CHARS_PATIENTLY = 4_096;

/** Read at once: of one key, and altogether. Beyond, the oldest are not heard out. */
const MOST_OF_A_KEY = 16;
const MOST = 512;

/** `ended`: by itself, well or not; `unheard`: not within its bounds; `cut`: the process leaves. */
export type LeftStreamEnd = 'ended' | 'unheard' | 'cut';

/** One upstream stream that is read on after its client has left. */
export interface LeftStream {
  readonly over: Promise<LeftStreamEnd>;
  /** To be asked after each chunk. @param chars that came since its client left */
  read(chars: number): void;
  ended(): void;
}

/**
 * Reads streams on for their usage when their clients have left, within bounds of time, text and number: what a model
 * thought unseen is told last, and must not be free for who hangs up after the last word.
 */
@Injectable()
export class LeftStreams {
  private readonly reading = new Set<Reading>();

  constructor(
    private readonly inFlight: InFlight,
    private readonly config: AppConfig,
  ) {}

  /**
   * @param keyId whose it is
   * @param patient the operator's longer time holds
   * @param stop unsubscribes from the upstream; called once, whatever ends it
   */
  begin(keyId: string, patient: boolean, stop: () => void): LeftStream {
    const longestMs = this.config.stream.leftStreamReadMs;
    const reading = patient
      ? new Reading(keyId, longestMs, HEARD_OUT_CHARS_PATIENTLY, stop)
      : new Reading(keyId, Math.min(HEARD_OUT_MS, longestMs), HEARD_OUT_CHARS, stop);
    this.makeRoom(keyId);
    this.reading.add(reading);
    const forget = this.inFlight.linger(() => reading.end('cut'));
    void reading.over.then(() => {
      this.reading.delete(reading);
      forget();
    });
    return reading;
  }

  private makeRoom(keyId: string): void {
    const ofKey = [...this.reading].filter((reading) => reading.keyId === keyId);
    if (ofKey.length >= MOST_OF_A_KEY) this.giveUp(ofKey[0]);
    if (this.reading.size >= MOST) this.giveUp(this.reading.values().next().value);
  }

  private giveUp(oldest: Reading | undefined): void {
    if (oldest === undefined) return;
    this.reading.delete(oldest);
    oldest.end('unheard');
  }
}

class Reading implements LeftStream {
  readonly over: Promise<LeftStreamEnd>;
  private readonly tell: (end: LeftStreamEnd) => void;
  private readonly timer: NodeJS.Timeout;
  private done = false;

  constructor(
    readonly keyId: string,
    boundMs: number,
    private readonly mostChars: number,
    private readonly stop: () => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<LeftStreamEnd>();
    this.over = promise;
    this.tell = resolve;
    this.timer = setTimeout(() => this.end('unheard'), boundMs);
  }

  read(chars: number): void {
    if (chars > this.mostChars) this.end('unheard');
  }

  ended(): void {
    this.end('ended');
  }

  end(how: LeftStreamEnd): void {
    if (this.done) return;
    this.done = true;
    clearTimeout(this.timer);
    this.tell(how);
    this.stop();
  }
}
