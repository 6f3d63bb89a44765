import { BalanceRepository } from '../../src/billing/balance.repository.js';
import type { Tollgate } from './tollgate.js';

/** A key of an account of its own, and what that account has. */
export interface PayingKey {
  readonly accountId: string;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Hundredths of a credit. */
  balance(): Promise<bigint | undefined>;
}

export async function payingKey(tollgate: Tollgate, hundredths: number): Promise<PayingKey> {
  const { secret, accountId } = await tollgate.newKey({}, BigInt(hundredths));
  const balances = tollgate.app.get(BalanceRepository, { strict: false });
  return {
    accountId,
    secret,
    headers: { authorization: `Bearer ${secret}` },
    balance: async () => (await balances.find(accountId))?.balanceHundredths,
  };
}
