import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { isStorageUnavailable } from '../persistence/storage-unavailable.js';
import { parseMetadata } from './hold-metadata.js';
import { HoldRepository, type Hold } from './hold.repository.js';
import { HoldLostError } from './billing.errors.js';
import { settlementOfOrphan } from './orphaned-hold.js';
import { SettlementService } from './settlement.service.js';

const BATCH = 100;

/**
 * Resolves what dead processes left: a hold whose client was sent something is settled for the prompt and what was
 * relayed by the last note of it; one whose client was sent nothing is given back. Each hold once, whoever else tries.
 */
@Injectable()
export class SweeperService {
  private readonly logger = new Logger('Sweeper');

  constructor(
    private readonly holds: HoldRepository,
    private readonly settlements: SettlementService,
    private readonly clock: Clock,
  ) {}

  /** Ids of the processes that have open holds. */
  owners(): Promise<string[]> {
    return this.holds.listOpenOwners();
  }

  /**
   * @param dead ids of processes that settle nothing any more
   * @returns how many holds were resolved
   * @throws DomainError `storage_unavailable`
   */
  async sweep(dead: readonly string[]): Promise<number> {
    let resolved = 0;
    let after = '';
    for (;;) {
      const left = dead.length === 0 ? [] : await this.holds.listOpenOf(dead, after, BATCH);
      const last = left.at(-1);
      if (last === undefined) return resolved;
      const outcomes = await Promise.all(left.map((hold) => this.resolve(hold)));
      resolved += outcomes.filter(Boolean).length;
      // One that cannot be resolved is left behind, not tried for ever.
      after = last.requestId;
    }
  }

  private async resolve(hold: Hold): Promise<boolean> {
    try {
      const nowMs = this.clock.nowMs();
      await this.settlements.settle(settlementOfOrphan(hold, parseMetadata(hold), 'process_died', nowMs));
      return true;
    } catch (error) {
      // Somebody resolved it in the meantime, which is what we wanted.
      if (error instanceof HoldLostError) return true;
      if (isStorageUnavailable(error)) throw error;
      this.logger.error(`hold of ${hold.requestId} not resolved: ${String(error)}`);
      return false;
    }
  }
}
