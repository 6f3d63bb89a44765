import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { QuotasModule } from '../quotas/quotas.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { FileWriterService } from '../http/file-writer.service.js';
import { ConversationExportService } from './conversation-export.service.js';
import { ConversationItemsController } from './conversation-items.controller.js';
import { ConversationItemsService } from './conversation-items.service.js';
import { ConversationRepository } from './conversation.repository.js';
import { ConversationLockService } from './conversation-lock.service.js';
import { TurnRepository } from './turn.repository.js';
import { ConversationsController } from './conversations.controller.js';
import { ConversationsService } from './conversations.service.js';
import { LargeAnswersService } from './large-answers.service.js';
import { ErasureRepository } from './erasure.repository.js';
import { RetentionClockService } from './retention-clock.service.js';
import { RetentionService } from './retention.service.js';
import { StoredCompletionsController } from './stored-completions.controller.js';
import { StoredCompletionsService } from './stored-completions.service.js';
import { StoredCompletionRepository } from './stored-completion.repository.js';
import { StoredMessageRepository } from './stored-message.repository.js';

/** What was said, for those who asked to have it kept. */
@Module({
  imports: [AccountsModule, QuotasModule, BillingModule, IdempotencyModule],
  controllers: [ConversationsController, ConversationItemsController, StoredCompletionsController],
  providers: [
    TurnRepository,
    ConversationRepository,
    StoredMessageRepository,
    StoredCompletionRepository,
    ErasureRepository,
    RetentionClockService,
    RetentionService,
    ConversationsService,
    ConversationItemsService,
    ConversationExportService,
    ConversationLockService,
    LargeAnswersService,
    StoredCompletionsService,
    FileWriterService,
  ],
  exports: [
    TurnRepository,
    ConversationRepository,
    ConversationLockService,
    StoredMessageRepository,
    StoredCompletionRepository,
    ErasureRepository,
  ],
})
export class ConversationsModule {}
