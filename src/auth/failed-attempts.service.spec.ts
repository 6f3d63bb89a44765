import { describe, expect, it } from '@jest/globals';
import { anAppConfig } from '../../test/support/catalogue-builders.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { FailedAttemptsService } from './failed-attempts.service.js';

const TOO_MANY = expect.objectContaining({ code: 'too_many_failed_attempts' });

function attempts(failedAuthPerMinute = 3): { clock: ManualClock; attempts: FailedAttemptsService } {
  const clock = new ManualClock();
  const config = anAppConfig({ upstreams: [], models: [] });
  return {
    clock,
    attempts: new FailedAttemptsService(clock, {
      ...config,
      access: { ...config.access, failedAuthPerMinute },
    }),
  };
}

describe('FailedAttemptsService', () => {
  it('S50: an address may fail so often a minute, then it is asked to wait', () => {
    const { attempts: failed, clock } = attempts(3);
    for (let i = 0; i < 3; i += 1) {
      expect(failed.exhausted('api-key', '203.0.113.7')).toBe(false);
      failed.record('api-key', '203.0.113.7');
    }
    expect(failed.exhausted('api-key', '203.0.113.7')).toBe(true);
    expect(() => failed.record('api-key', '203.0.113.7')).toThrow(
      expect.objectContaining({ code: 'too_many_failed_attempts', retryAfterMs: 20_000 }),
    );
    clock.pass(20_000);
    expect(failed.exhausted('api-key', '203.0.113.7')).toBe(false);
  });

  it('S50: guesses that were sent all at once are told no more than guesses in a row', () => {
    const { attempts: failed } = attempts(3);
    for (let i = 0; i < 3; i += 1) failed.record('api-key', '203.0.113.7');
    for (let i = 3; i < 200; i += 1) {
      expect(() => failed.record('api-key', '203.0.113.7')).toThrow(TOO_MANY);
    }
  });

  it('S50: another address is not touched, the same network of IPv6 is', () => {
    const { attempts: failed } = attempts(1);
    failed.record('api-key', '203.0.113.7');
    expect(failed.exhausted('api-key', '203.0.113.8')).toBe(false);
    failed.record('api-key', '2001:db8:1:2::1');
    expect(failed.exhausted('api-key', '2001:db8:1:2:ffff::9')).toBe(true);
    expect(failed.exhausted('api-key', '2001:db8:1:3::1')).toBe(false);
  });

  it('S50: wrong keys of customers do not count as guesses at the admin key, nor the other way round', () => {
    const { attempts: failed } = attempts(1);
    failed.record('api-key', '203.0.113.7');
    expect(failed.exhausted('admin-key', '203.0.113.7')).toBe(false);
    failed.record('admin-key', '203.0.113.8');
    expect(failed.exhausted('api-key', '203.0.113.8')).toBe(false);
  });

  it('asking costs nothing', () => {
    const { attempts: failed } = attempts(1);
    for (let i = 0; i < 100; i += 1) failed.exhausted('api-key', '203.0.113.7');
    expect(() => failed.record('api-key', '203.0.113.7')).not.toThrow();
  });
});
