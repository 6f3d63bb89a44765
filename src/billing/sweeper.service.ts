import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { parseFacts } from './hold-facts.js';
import { HoldRepository, type Hold } from './hold.repository.js';
import { HoldLostError } from './billing.errors.js';
import { usageOf } from './reported-usage.js';
import { SettlementService } from './settlement.service.js';

const BATCH = 100;

/**
 * Resolves what dead processes left: a hold whose client was sent something is settled for the prompt and what was
 * certainly relayed; one whose client was sent nothing is given back. Each hold once, whoever else tries.
 */
@Injectable()
export class SweeperService {
  constructor(
    private readonly holds: HoldRepository,
    private readonly settlements: SettlementService,
    private readonly clock: Clock,
  ) {}

  /**
   * @param living ids of processes that may still settle their own holds
   * @returns how many holds were resolved
   */
  async sweep(living: readonly string[]): Promise<number> {
    let resolved = 0;
    for (;;) {
      const left = await this.holds.listOpenOfOthers(living, BATCH);
      if (left.length === 0) return resolved;
      await Promise.all(left.map((hold) => this.resolve(hold)));
      resolved += left.length;
    }
  }

  private async resolve(hold: Hold): Promise<void> {
    const { price, promptTokens, ...facts } = parseFacts(hold.facts);
    const relayed = hold.relayedTokens > 0;
    try {
      await this.settlements.settle({
        ...facts,
        requestId: hold.requestId,
        accountId: hold.accountId,
        keyId: hold.keyId,
        outcome: 'process_died',
        move: relayed ? 'settle' : 'expire',
        usage: relayed ? usageOf(promptTokens, hold.relayedTokens) : usageOf(0, 0),
        usageSource: 'estimated',
        price,
        finishReason: undefined,
        createdAtMs: hold.openedAtMs,
        firstTokenMs: undefined,
        durationMs: Math.max(0, this.clock.nowMs() - hold.openedAtMs),
      });
    } catch (error) {
      // Somebody resolved it in the meantime, which is what we wanted.
      if (!(error instanceof HoldLostError)) throw error;
    }
  }
}
