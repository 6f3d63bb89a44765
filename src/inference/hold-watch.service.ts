import { Injectable } from '@nestjs/common';
import { HoldService } from '../billing/hold.service.js';
import { costNanoUsd, creditHundredths } from '../common/money/cost.js';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import type { Admission } from './admission.js';
import { estimatePromptTokens } from './prompt.js';

/** How much output a crash may lose the count of, in time. */
const PROGRESS_EVERY_MS = 1_000;

/** Watches what a stream has cost so far against what is held for it. */
export interface HoldWatch {
  /** @param tokens of the output so far, sooner too many than too few */
  relayed(tokens: number): void;
  /** True once the hold is used up and could not be extended: nothing more may be relayed. */
  readonly exhausted: boolean;
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
  exhausted = false;
  private extending = false;
  private atItsLimit: boolean;
  private nextProgressMs: number;

  constructor(
    private readonly admission: Admission<unknown>,
    private readonly holds: HoldService,
    private readonly clock: Clock,
    private readonly creditNanoUsd: bigint,
  ) {
    const { hold } = admission;
    this.atItsLimit = hold.amountHundredths >= hold.worstHundredths;
    this.nextProgressMs = clock.monotonicMs() + PROGRESS_EVERY_MS;
  }

  relayed(tokens: number): void {
    const { hold, caller } = this.admission;
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.nextProgressMs) {
      this.nextProgressMs = nowMs + PROGRESS_EVERY_MS;
      this.holds.noteProgress(caller.requestId, tokens);
    }
    if (this.atItsLimit) return;
    const used = this.credits(tokens);
    if (used >= hold.amountHundredths) this.exhausted = true;
    else if (!this.extending && used * 4n >= hold.amountHundredths * 3n) void this.extend();
  }

  private async extend(): Promise<void> {
    const { hold, caller } = this.admission;
    this.extending = true;
    try {
      const wanted =
        hold.amountHundredths * 2n < hold.worstHundredths ? hold.amountHundredths * 2n : hold.worstHundredths;
      hold.amountHundredths = await this.holds.extend(caller.requestId, caller.principal.accountId, wanted);
      this.atItsLimit = hold.amountHundredths >= hold.worstHundredths;
    } catch {
      // No credit or no storage: the stream goes on as far as its hold reaches.
    } finally {
      this.extending = false;
    }
  }

  private credits(completionTokens: number): bigint {
    const { prompt, price } = this.admission;
    const promptTokens = estimatePromptTokens(prompt);
    return creditHundredths(costNanoUsd({ promptTokens, completionTokens }, price), this.creditNanoUsd);
  }
}
