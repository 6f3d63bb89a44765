import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ManualClock } from '../../test/support/manual-clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { Principal } from '../common/principal.js';
import { TokenLimiterService, type TokenReservation } from './token-limiter.service.js';

const KEY: Principal = {
  accountId: 'acct_1',
  keyId: 'key_1',
  requestsPerMinute: 10,
  tokensPerMinute: 600,
  allowedModels: null,
  maxConcurrency: null,
  manageChatbots: false,
  readConversations: true,
  conversationRetentionDays: null,
  budget: null,
};

function limiter(): { clock: ManualClock; tokens: TokenLimiterService } {
  const clock = new ManualClock();
  return { clock, tokens: new TokenLimiterService(clock) };
}

function refusal(act: () => unknown): DomainError {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('was let through');
}

describe('TokenLimiterService', () => {
  it('reserves the estimate and puts back what was not used', () => {
    const { tokens } = limiter();
    const reservation = tokens.reserve(KEY, 500, 'm');
    expect(tokens.peek(KEY).remaining).toBe(100);
    reservation.correct(120);
    expect(tokens.peek(KEY).remaining).toBe(480);
  });

  it('corrects once, whoever calls again', () => {
    const { tokens } = limiter();
    const reservation = tokens.reserve(KEY, 500, 'm');
    reservation.correct(120);
    reservation.correct(0);
    reservation.correct(600);
    expect(tokens.peek(KEY).remaining).toBe(480);
  });

  it('refuses what is not there, takes nothing for it, and says what to wait for', () => {
    const { tokens } = limiter();
    tokens.reserve(KEY, 500, 'm');
    const error = refusal(() => tokens.reserve(KEY, 101, 'vendor/model'));
    expect(error).toMatchObject({ code: 'token_rate_limited', retryAfterMs: 100 });
    expect(error.message).toBe(
      'Rate limit reached for vendor/model on tokens per min (TPM): Limit 600, Used 500, Requested 101. Please try again in 1s.',
    );
    expect(tokens.peek(KEY).remaining).toBe(100);
  });

  it('lets a request through that is larger than the whole limit, for a full minute’s worth', () => {
    const { clock, tokens } = limiter();
    const reservation = tokens.reserve(KEY, 10_000, 'm');
    expect(tokens.peek(KEY)).toMatchObject({ remaining: 0, resetMs: 60_000 });
    reservation.correct(600);
    clock.pass(60_000);
    expect(tokens.peek(KEY).remaining).toBe(600);
  });

  it('counts what was used beyond the estimate, also when it is more than was left', () => {
    const { clock, tokens } = limiter();
    tokens.reserve(KEY, 100, 'm').correct(3_000);
    // Five minutes' worth at once: nothing more until four of them have passed, the rest a token at a time.
    clock.pass(4 * 60_000);
    expect(refusal(() => tokens.reserve(KEY, 1, 'm')).retryAfterMs).toBeCloseTo(100, 3);
    clock.pass(100);
    tokens.reserve(KEY, 1, 'm');
  });

  it('gives nothing back that has drained meanwhile: those tokens were others’ already', () => {
    const { clock, tokens } = limiter();
    const slow = tokens.reserve(KEY, 600, 'm');
    clock.pass(60_000);
    tokens.reserve(KEY, 600, 'm').correct(600);
    slow.correct(1);
    expect(tokens.peek(KEY).remaining).toBe(0);
  });

  it('never lets more tokens be used in any stretch of time than the limit and what refills meanwhile', () => {
    const step = fc.record({
      waitMs: fc.constantFrom(0, 1_000, 60_000),
      estimate: fc.constantFrom(50, 600, 600),
      usedPermille: fc.constantFrom(0, 1_000),
      lastsMs: fc.constantFrom(0, 61_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, tokens } = limiter();
        const admitted: { atMs: number; used: number }[] = [];
        let open: { reservation: TokenReservation; used: number; endsMs: number }[] = [];
        const closeUntil = (untilMs: number): void => {
          for (const each of open.toSorted((a, b) => a.endsMs - b.endsMs)) {
            if (each.endsMs > untilMs) continue;
            clock.pass(Math.max(0, each.endsMs - clock.monotonicMs()));
            each.reservation.correct(each.used);
            open = open.filter((other) => other !== each);
          }
          clock.pass(untilMs - clock.monotonicMs());
        };
        for (const { waitMs, estimate, usedPermille, lastsMs } of steps) {
          closeUntil(clock.monotonicMs() + waitMs);
          const atMs = clock.monotonicMs();
          const used = Math.floor((estimate * usedPermille) / 1_000);
          try {
            const reservation = tokens.reserve(KEY, estimate, 'm');
            admitted.push({ atMs, used });
            open.push({ reservation, used, endsMs: atMs + lastsMs });
          } catch {
            // Refused: nothing is used.
          }
        }
        admitted.forEach((first, from) => {
          let used = 0;
          for (const each of admitted.slice(from)) {
            used += each.used;
            expect(used).toBeLessThanOrEqual(600 + (each.atMs - first.atMs) / 100 + 0.01);
          }
        });
      }),
    );
  });

  it('keeps keys apart, also those of one account', () => {
    const { tokens } = limiter();
    tokens.reserve(KEY, 600, 'm');
    tokens.reserve({ ...KEY, keyId: 'key_2' }, 600, 'm');
    expect(refusal(() => tokens.reserve(KEY, 1, 'm')).code).toBe('token_rate_limited');
  });
});
