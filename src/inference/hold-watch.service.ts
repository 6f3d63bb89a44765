import { Injectable } from '@nestjs/common';
import { HoldService } from '../billing/hold.service.js';
import { costNanoUsd, creditHundredths } from '../common/money/cost.js';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import type { Admission, OpenHold } from './admission.js';
import { estimatePromptTokens } from './prompt.js';

/** How much output a crash may lose the count of, in time. */
const PROGRESS_EVERY_MS = 1_000;

/** Watches what a stream costs against what is held for it. All tokens are of the output, sooner too many than too few. */
export interface HoldWatch {
  /**
   * Asked before more is relayed.
   *
   * @param relayedTokens so far
   * @param tokens with what is to be relayed
   * @returns what to wait for first, and which rejects with DomainError `storage_unavailable`; `undefined`: go on
   */
  room(relayedTokens: number, tokens: number): Promise<void> | undefined;
  /** The part of what was asked for last that the hold covers: 1, or less where the hold could not grow as far. */
  readonly covered: number;
}

/**
 * Keeps holds in step with streams: stores how far a stream is, for whoever has to resolve its hold after a crash, and
 * extends a hold that was smaller than the worst case before it is used up.
 */
@Injectable()
export class HoldWatchService {
  constructor(
    private readonly holds: HoldService,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  watch(admission: Admission<unknown>): HoldWatch {
    return new StreamWatch(admission, this.holds, this.clock, this.config.money.creditNanoUsd);
  }
}

class StreamWatch implements HoldWatch {
  covered = 1;
  private atItsLimit: boolean;
  private extension: Promise<void> | undefined;
  /** The last extension was not given whole: there is no more, until somebody buys credit or another hold is resolved. */
  private short = false;
  private nextProgressMs: number;

  constructor(
    private readonly admission: Admission<unknown>,
    private readonly holds: HoldService,
    private readonly clock: Clock,
    private readonly creditNanoUsd: bigint,
  ) {
    this.atItsLimit = isWorstCase(admission.hold);
    this.nextProgressMs = clock.monotonicMs() + PROGRESS_EVERY_MS;
  }

  room(relayedTokens: number, tokens: number): Promise<void> | undefined {
    const { hold, caller } = this.admission;
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.nextProgressMs) {
      this.nextProgressMs = nowMs + PROGRESS_EVERY_MS;
      this.holds.noteProgress(caller.requestId, relayedTokens);
    }
    if (this.atItsLimit) return undefined;
    const used = this.credits(tokens);
    if (used > hold.amountHundredths) return this.cover(this.credits(relayedTokens), used);
    if (used * 4n >= hold.amountHundredths * 3n && !this.short) {
      // Where storage is away the stream goes on as far as its hold reaches.
      this.extension ??= this.extend(used).catch(ignored);
    }
    return undefined;
  }

  /** Waits for the extension under way, then asks once more if it has to. */
  private async cover(relayed: bigint, used: bigint): Promise<void> {
    const { hold } = this.admission;
    const lacks = (): boolean => used > hold.amountHundredths && !this.atItsLimit;
    await this.extension;
    if (lacks()) await this.extend(used);
    if (lacks()) this.covered = shareOf(hold.amountHundredths - relayed, used - relayed);
  }

  /** @throws DomainError `storage_unavailable` */
  private async extend(used: bigint): Promise<void> {
    const { hold, caller } = this.admission;
    const twice = (used > hold.amountHundredths ? used : hold.amountHundredths) * 2n;
    const { worstHundredths: worst = twice } = hold;
    const wanted = twice < worst ? twice : worst;
    try {
      hold.amountHundredths = await this.holds.extend(caller.requestId, caller.principal.accountId, wanted);
      this.atItsLimit = isWorstCase(hold);
      this.short = hold.amountHundredths < wanted;
    } finally {
      this.extension = undefined;
    }
  }

  private credits(completionTokens: number): bigint {
    const { prompt, price } = this.admission;
    const promptTokens = estimatePromptTokens(prompt);
    return creditHundredths(costNanoUsd({ promptTokens, completionTokens }, price), this.creditNanoUsd);
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
