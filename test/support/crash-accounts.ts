import { AccountsService } from '../../src/accounts/accounts.service.js';
import { AccountRepository } from '../../src/accounts/account.repository.js';
import { ApiKeyRepository } from '../../src/accounts/api-key.repository.js';
import { displayPrefix, hashSecret, newApiKeySecret } from '../../src/auth/secret.js';
import { BalanceRepository } from '../../src/billing/balance.repository.js';
import { LedgerRepository } from '../../src/billing/ledger.repository.js';
import { LedgerService } from '../../src/billing/ledger.service.js';
import { MoneyListeners } from '../../src/billing/money-listeners.js';
import { ChatbotRepository } from '../../src/chatbots/chatbot.repository.js';
import { SystemClock } from '../../src/common/clock/clock.js';
import { newRowId } from '../../src/common/ids/ids.js';
import type { Database } from '../../src/persistence/database.js';
import { insertChatbot } from './chatbots.js';

export interface Payer {
  readonly accountId: string;
  readonly keyId: string;
  readonly secret: string;
  readonly chatbotId: string;
}

/** Writes an account with credit, one key and one chatbot straight into a database that no gateway has yet. */
export async function createPayer(database: Database, creditHundredths: bigint): Promise<Payer> {
  const clock = new SystemClock();
  const balances = new BalanceRepository(database);
  const entries = new LedgerRepository(database);
  const ledger = new LedgerService(database, balances, entries, new MoneyListeners(), clock);
  const accounts = new AccountsService(database, new AccountRepository(database), balances, ledger, clock);
  const account = await accounts.create('crash ring', creditHundredths);
  const secret = newApiKeySecret();
  const keyId = newRowId('key');
  await new ApiKeyRepository(database).insert({
    id: keyId,
    accountId: account.id,
    name: 'crash ring',
    secretSha256: hashSecret(secret),
    displayPrefix: displayPrefix(secret),
    requestsPerMinute: 1_000_000,
    tokensPerMinute: 1_000_000_000,
    allowedModels: undefined,
    createdAtMs: clock.nowMs(),
    expiresAtMs: undefined,
    revokedAtMs: undefined,
  });
  const chatbotId = await insertChatbot(new ChatbotRepository(database), { accountId: account.id });
  return { accountId: account.id, keyId, secret, chatbotId };
}
