import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { Tables } from '../persistence/tables.js';
import type { ApiKeyRow } from '../auth/api-key.js';

/** A key that has just been ended for good. */
export type RevokedKey = Pick<ApiKeyRow, 'id' | 'accountId' | 'name' | 'displayPrefix'> & {
  readonly revokedAtMs: number;
};

/** Writes what follows from a change of a key, in the same transaction: both are stored, or neither. */
export interface KeyListener {
  /** Once a key; again only after a rollback. */
  revoked(trx: Kysely<Tables>, key: RevokedKey): Promise<void>;
}

/** Subscribers to key changes, so that `auth` need not import them. */
@Injectable()
export class KeyListenersService implements KeyListener {
  private readonly listeners: KeyListener[] = [];

  /** Call at start, before the first request. */
  add(listener: KeyListener): void {
    this.listeners.push(listener);
  }

  async revoked(trx: Kysely<Tables>, key: RevokedKey): Promise<void> {
    for (const listener of this.listeners) await listener.revoked(trx, key);
  }
}
