import { BalanceRepository } from '../../src/billing/balance.repository.js';
import { HoldRepository } from '../../src/billing/hold.repository.js';
import { ConversationRepository } from '../../src/conversations/conversation.repository.js';
import { TurnRepository } from '../../src/conversations/turn.repository.js';
import { ErasureRepository } from '../../src/conversations/erasure.repository.js';
import { StoredCompletionRepository } from '../../src/conversations/stored-completion.repository.js';
import { StoredMessageRepository } from '../../src/conversations/stored-message.repository.js';
import { IdempotencyRepository } from '../../src/idempotency/idempotency.repository.js';
import { loadConfig } from '../../src/config/load-config.js';
import { StorageQuotasService } from '../../src/quotas/storage-quotas.service.js';
import type { Database } from '../../src/persistence/database.js';
import { Sealer } from '../../src/persistence/sealer.js';

/** All that keeps what was said, over one database, as the module of conversations puts it together. */
export interface ConversationRepositories {
  readonly conversations: TurnRepository;
  readonly records: ConversationRepository;
  readonly messages: StoredMessageRepository;
  readonly completions: StoredCompletionRepository;
  readonly answers: IdempotencyRepository;
  readonly erasure: ErasureRepository;
}

/** @param sealer by default nothing is sealed */
export function conversationRepositories(
  database: Database,
  sealer = new Sealer([]),
): ConversationRepositories {
  const messages = new StoredMessageRepository(database, sealer);
  const quotas = new StorageQuotasService(database, loadConfig({ DATA_DIR: '.' }));
  const answers = new IdempotencyRepository(database, sealer, quotas);
  return {
    conversations: new TurnRepository(database, sealer),
    records: new ConversationRepository(database, sealer, messages, quotas),
    messages,
    completions: new StoredCompletionRepository(database, sealer, messages, quotas),
    answers,
    erasure: new ErasureRepository(
      database,
      answers,
      new BalanceRepository(database),
      new HoldRepository(database),
    ),
  };
}
