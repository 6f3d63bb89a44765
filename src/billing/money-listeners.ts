import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { Tables } from '../persistence/tables.js';
import type { UsageRecord } from './usage.repository.js';

/** A change of an account's balance, of which it is one of perhaps several in a transaction, in order. */
export interface BalanceStep {
  readonly accountId: string;
  /** Hundredths of a credit; what is held counts as being there. */
  readonly beforeHundredths: bigint;
  readonly afterHundredths: bigint;
  readonly atMs: number;
}

/** A request that is charged, be it with nothing; one that is released is none. */
export interface ChargedRequest extends BalanceStep {
  readonly record: UsageRecord;
}

/**
 * Writes what follows from a change of money, in the transaction that makes it: durable exactly if that is. It may run
 * again after a rollback, never after a commit. What it throws undoes the change, so it does nothing that may fail but
 * queries, and it is in the way of every answer's end, so they are few.
 */
export interface MoneyListener {
  charged(trx: Kysely<Tables>, requests: readonly ChargedRequest[]): Promise<void>;
  /** Credits came or went other than by a request. */
  posted(trx: Kysely<Tables>, step: BalanceStep): Promise<void>;
}

/** Those who want to know of changes of money, which billing itself does not know. */
@Injectable()
export class MoneyListeners implements MoneyListener {
  private readonly listeners: MoneyListener[] = [];

  /** Call at start, before the first request. */
  add(listener: MoneyListener): void {
    this.listeners.push(listener);
  }

  async charged(trx: Kysely<Tables>, requests: readonly ChargedRequest[]): Promise<void> {
    for (const listener of this.listeners) await listener.charged(trx, requests);
  }

  async posted(trx: Kysely<Tables>, step: BalanceStep): Promise<void> {
    for (const listener of this.listeners) await listener.posted(trx, step);
  }
}
