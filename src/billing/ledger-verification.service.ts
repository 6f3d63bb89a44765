import { Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { verifyLedger, type LedgerDifference } from './ledger-verify.js';

/** Verifies the ledger for whoever asks, one time after the other. */
@Injectable()
export class LedgerVerificationService {
  private running: Promise<unknown> = Promise.resolve();
  private next: Promise<LedgerDifference[]> | undefined;

  constructor(private readonly database: Database) {}

  /**
   * See `verifyLedger`. Those who ask while one runs share the one after it, which begins later than they asked.
   * @throws DomainError `storage_unavailable`
   */
  verify(): Promise<LedgerDifference[]> {
    this.next ??= this.running.then(() => {
      this.next = undefined;
      const verified = verifyLedger(this.database.reports);
      this.running = verified.catch(() => undefined);
      return verified;
    });
    return this.next;
  }
}
