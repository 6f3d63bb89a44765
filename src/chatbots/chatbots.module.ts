import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { QuotasModule } from '../quotas/quotas.module.js';
import { ModelsModule } from '../models/models.module.js';
import { ChatbotAdminService } from './chatbot-admin.service.js';
import { ChatbotListsRepository } from './chatbot-lists.repository.js';
import { ChatbotModelsService } from './chatbot-models.service.js';
import { ChatbotRepository } from './chatbot.repository.js';
import { ChatbotRulesService } from './chatbot-rules.service.js';
import { ChatbotsService } from './chatbots.service.js';

/** Presets over models: an account's own, in versions, callable like models. */
@Module({
  imports: [AccountsModule, ModelsModule, QuotasModule],
  providers: [
    ChatbotAdminService,
    ChatbotListsRepository,
    ChatbotModelsService,
    ChatbotRepository,
    ChatbotRulesService,
    ChatbotsService,
  ],
  exports: [ChatbotAdminService, ChatbotsService],
})
export class ChatbotsModule {}
