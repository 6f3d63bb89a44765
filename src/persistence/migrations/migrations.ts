import type { Migration } from 'kysely/migration';
import { accountsKeysUsage } from './0001-accounts-keys-usage.js';
import { ledger } from './0002-ledger.js';
import { keyLimits } from './0003-key-limits.js';
import { idempotency } from './0004-idempotency.js';
import { webhooks } from './0005-webhooks.js';
import { failedAttempts } from './0006-failed-attempts.js';
import { chatbots } from './0007-chatbots.js';
import { conversations } from './0008-conversations.js';
import { givenBackByRequest } from './0009-given-back-by-request.js';
import { erasures } from './0010-erasures.js';
import { storageQuotas } from './0011-storage-quotas.js';
import { priceVariants } from './0012-price-variants.js';

/** In order, forward only, never edited after a release. The name is what a migrated database remembers. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-accounts-keys-usage': accountsKeysUsage,
  '0002-ledger': ledger,
  '0003-key-limits': keyLimits,
  '0004-idempotency': idempotency,
  '0005-webhooks': webhooks,
  '0006-failed-attempts': failedAttempts,
  '0007-chatbots': chatbots,
  '0008-conversations': conversations,
  '0009-given-back-by-request': givenBackByRequest,
  '0010-erasures': erasures,
  '0011-storage-quotas': storageQuotas,
  '0012-price-variants': priceVariants,
};
