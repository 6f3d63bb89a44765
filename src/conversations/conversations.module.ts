import { Module } from '@nestjs/common';
import { QuotasModule } from '../quotas/quotas.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { FileWriter } from '../http/file-writer.js';
import { ConversationExportService } from './conversation-export.service.js';
import { ConversationItemsController } from './conversation-items.controller.js';
import { ConversationItemsService } from './conversation-items.service.js';
import { ConversationRepository } from './conversation.repository.js';
import { ConversationTurns } from './conversation-turns.js';
import { TurnRepository } from './turn.repository.js';
import { ConversationsController } from './conversations.controller.js';
import { ConversationsService } from './conversations.service.js';
import { LargeAnswersService } from './large-answers.service.js';
import { ErasureRepository } from './erasure.repository.js';
import { RetentionClock } from './retention-clock.js';
import { RetentionService } from './retention.service.js';
import { StoredCompletionsController } from './stored-completions.controller.js';
import { StoredCompletionsService } from './stored-completions.service.js';
import { StoredCompletionRepository } from './stored-completion.repository.js';
import { StoredMessageRepository } from './stored-message.repository.js';

/** What was said, for those who asked to have it kept. */
@Module({
  imports: [QuotasModule, BillingModule, IdempotencyModule],
  controllers: [ConversationsController, ConversationItemsController, StoredCompletionsController],
  providers: [
    TurnRepository,
    ConversationRepository,
    StoredMessageRepository,
    StoredCompletionRepository,
    ErasureRepository,
    RetentionClock,
    RetentionService,
    ConversationsService,
    ConversationItemsService,
    ConversationExportService,
    ConversationTurns,
    LargeAnswersService,
    StoredCompletionsService,
    FileWriter,
  ],
  exports: [
    TurnRepository,
    ConversationRepository,
    ConversationTurns,
    StoredMessageRepository,
    StoredCompletionRepository,
    ErasureRepository,
  ],
})
export class ConversationsModule {}
