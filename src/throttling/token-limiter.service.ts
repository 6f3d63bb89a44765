import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { RateDecision, RateLimit } from '../common/limits/gcra.js';
import { RateBuckets } from '../common/limits/rate-buckets.js';
import type { Principal } from '../common/principal.js';

const PERIOD_MS = 60_000;

/** Tokens taken from a key's minute before the call, to be put right when the true count is known. */
export interface TokenReservation {
  /** The key's state with these tokens taken. */
  readonly state: RateDecision;
  /**
   * Puts the difference to the true count back, or takes it, also when it is more than was left: the key then waits
   * until its debt is paid off. Only the first call counts.
   */
  correct(actualTokens: number): void;
}

/** Tokens a minute by key: an estimate is reserved before the upstream is called and corrected afterwards. */
@Injectable()
export class TokenLimiterService {
  private readonly buckets = new RateBuckets();

  constructor(private readonly clock: Clock) {}

  /** The key's state, for headers; takes nothing. */
  peek(principal: Principal): RateDecision {
    return this.buckets.peek(principal.keyId, limitOf(principal), this.clock.monotonicMs());
  }

  /**
   * Refuses what no waiting would let in.
   * @param tokens that the prompt has and the caller asked for
   * @throws DomainError `tokens_above_limit`
   */
  refuseTooLarge({ tokensPerMinute }: Principal, tokens: number, model: string): void {
    if (tokens <= tokensPerMinute) return;
    throw new DomainError(
      'tokens_above_limit',
      `Request too large for ${model} on tokens per min (TPM): Limit ${tokensPerMinute}, Requested ${tokens}. The input or output tokens must be reduced in order to run successfully.`,
    );
  }

  /**
   * @param model named in the refusal
   * @throws DomainError `token_rate_limited`; nothing is taken then
   */
  reserve(principal: Principal, estimatedTokens: number, model: string): TokenReservation {
    const limit = limitOf(principal);
    // An answer that nobody limited is only guessed: where the guess is more than the whole limit it takes all of that.
    const cost = Math.min(estimatedTokens, limit.limit);
    const decision = this.buckets.take(principal.keyId, limit, this.clock.monotonicMs(), cost);
    if (!decision.allowed) {
      // Of what is owed for longer a client is told a minute, as in `retry-after`: it may be given back before.
      const seconds = Math.min(Math.ceil(decision.retryAfterMs / 1000), PERIOD_MS / 1000);
      throw new DomainError(
        'token_rate_limited',
        `Rate limit reached for ${model} on tokens per min (TPM): Limit ${limit.limit}, Used ${limit.limit - decision.remaining}, Requested ${cost}. Please try again in ${seconds}s.`,
        { retryAfterMs: decision.retryAfterMs },
      );
    }
    let corrected = false;
    return {
      state: decision,
      correct: (actualTokens) => {
        if (corrected) return;
        corrected = true;
        const nowMs = this.clock.monotonicMs();
        // Tokens that have drained since were already granted to others; giving them back would count them twice.
        const undrained = (Math.max(0, decision.arrivalMs - nowMs) * limit.limit) / limit.periodMs;
        this.buckets.charge(principal.keyId, limit, nowMs, Math.max(actualTokens - cost, -undrained));
      },
    };
  }
}

function limitOf(principal: Principal): RateLimit {
  return { limit: principal.tokensPerMinute, periodMs: PERIOD_MS };
}
