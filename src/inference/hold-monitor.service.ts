import { Injectable } from '@nestjs/common';
import { HoldService } from '../billing/hold.service.js';
import { MAX_COUNTED_CHARS, TokenCounter } from '../billing/token-counter.js';
import { costNanoUsd, creditHundredths } from '../common/money/cost.js';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import { countTokensToHold } from './prompt.js';
import type { OpenHold, Reservation } from './reservation.service.js';

/** How much output a crash may lose the count of, in time. */
const PROGRESS_EVERY_MS = 1_000;

/** Watches what a stream costs against what is held for it. All tokens are of the output, sooner too many than too few. */
export interface HoldMonitor {
  /**
   * Asked before more is relayed.
   *
   * @param relayedTokens so far
   * @param tokens with what is to be relayed; asked for only where the hold can run out
   * @returns what to wait for first: the part of it that the hold covers, 1 or less where the hold could not grow as far;
   *   it rejects with DomainError `storage_unavailable`. `undefined`: go on
   */
  reserve(relayedTokens: number, tokens: () => number): Promise<number> | undefined;
  /** Told when it was relayed. */
  recordProgress(tokens: number): void;
}

/**
 * Keeps holds in step with streams: stores how far a stream is, for whoever has to resolve its hold after a crash, and
 * extends a hold that was smaller than the worst case before it is used up.
 */
@Injectable()
export class HoldMonitorService {
  constructor(
    private readonly holds: HoldService,
    private readonly counter: TokenCounter,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  monitor(reservation: Reservation): HoldMonitor {
    const { creditNanoUsd } = this.config.money;
    return new StreamMonitor(reservation, this.holds, this.counter, this.clock, creditNanoUsd);
  }
}

class StreamMonitor implements HoldMonitor {
  private atItsLimit: boolean;
  private extension: Promise<void> | undefined;
  /** The last extension gave nothing: there is no more, until somebody buys credit or another hold is resolved. */
  private short = false;
  private promptIsCounted = false;
  private nextProgressMs: number;

  constructor(
    private readonly reservation: Reservation,
    private readonly holds: HoldService,
    private readonly counter: TokenCounter,
    private readonly clock: Clock,
    private readonly creditNanoUsd: bigint,
  ) {
    this.atItsLimit = isWorstCase(reservation.hold);
    this.nextProgressMs = clock.monotonicMs() + PROGRESS_EVERY_MS;
  }

  reserve(relayedTokens: number, tokens: () => number): Promise<number> | undefined {
    if (this.atItsLimit) return undefined;
    const { amountHundredths } = this.reservation.hold;
    const wantedTokens = tokens();
    const used = this.credits(wantedTokens);
    if (used > amountHundredths) return this.cover(relayedTokens, wantedTokens);
    if (used * 4n >= amountHundredths * 3n && !this.short && this.extension === undefined) {
      // Where storage is away the stream goes on as far as its hold reaches.
      this.extension = this.extend(used);
      this.extension.catch(ignored);
    }
    return undefined;
  }

  recordProgress(tokens: number): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs < this.nextProgressMs) return;
    this.nextProgressMs = nowMs + PROGRESS_EVERY_MS;
    this.holds.noteProgress(this.reservation.metadata.requestId, tokens);
  }

  /** Waits for the extension under way, then asks once more if it has to; at last the prompt is counted. */
  private async cover(relayedTokens: number, wantedTokens: number): Promise<number> {
    const { hold } = this.reservation;
    const lacks = (): boolean => this.credits(wantedTokens) > hold.amountHundredths && !this.atItsLimit;
    await this.extension;
    if (lacks()) await this.extend(this.credits(wantedTokens));
    if (lacks()) await this.countPrompt();
    if (!lacks()) return 1;
    const relayed = this.credits(relayedTokens);
    return shareOf(hold.amountHundredths - relayed, this.credits(wantedTokens) - relayed);
  }

  /** It may have had more set aside than it has, and the answer can have the rest. */
  private async countPrompt(): Promise<void> {
    const { prompt, hold } = this.reservation;
    if (this.promptIsCounted || prompt.chars > MAX_COUNTED_CHARS) return;
    this.promptIsCounted = true;
    const counted = (await countTokensToHold(prompt, this.counter)) * prompt.reads;
    hold.promptTokens = Math.min(hold.promptTokens, counted);
  }

  /** @throws DomainError `storage_unavailable` */
  private async extend(used: bigint): Promise<void> {
    const { hold, metadata } = this.reservation;
    const twice = (used > hold.amountHundredths ? used : hold.amountHundredths) * 2n;
    const { worstHundredths: worst = twice, amountHundredths: before } = hold;
    try {
      hold.amountHundredths = await this.holds.extend({
        requestId: metadata.requestId,
        accountId: metadata.accountId,
        wantedHundredths: twice < worst ? twice : worst,
        neededHundredths: used,
      });
      this.atItsLimit = isWorstCase(hold);
      this.short = hold.amountHundredths === before;
    } finally {
      this.extension = undefined;
    }
  }

  private credits(completionTokens: number): bigint {
    const { price, hold } = this.reservation;
    const { promptTokens } = hold;
    return creditHundredths(
      costNanoUsd({ promptTokens, completionTokens }, price.dearest),
      this.creditNanoUsd,
    );
  }
}

function shareOf(part: bigint, whole: bigint): number {
  return part <= 0n ? 0 : Number(part) / Number(whole);
}

/** The answer cannot cost more than is held. */
function isWorstCase({ amountHundredths, worstHundredths }: OpenHold): boolean {
  return worstHundredths !== undefined && amountHundredths >= worstHundredths;
}

function ignored(): void {}
