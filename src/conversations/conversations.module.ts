import { Module } from '@nestjs/common';
import { ConversationRecordsRepository } from './conversation-records.repository.js';
import { ConversationRepository } from './conversation.repository.js';
import { StoredCompletionRepository } from './stored-completion.repository.js';

/** What was said, for those who asked to have it kept. */
@Module({
  providers: [ConversationRepository, ConversationRecordsRepository, StoredCompletionRepository],
  exports: [ConversationRepository, ConversationRecordsRepository, StoredCompletionRepository],
})
export class ConversationsModule {}
