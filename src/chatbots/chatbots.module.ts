import { Module } from '@nestjs/common';
import { QuotasModule } from '../quotas/quotas.module.js';
import { ModelsModule } from '../models/models.module.js';
import { ChatbotDesk } from './chatbot-desk.service.js';
import { ChatbotListsRepository } from './chatbot-lists.repository.js';
import { ChatbotModels } from './chatbot-models.service.js';
import { ChatbotRepository } from './chatbot.repository.js';
import { ChatbotRules } from './chatbot-rules.service.js';
import { ChatbotsService } from './chatbots.service.js';

/** Presets over models: an account's own, in versions, callable like models. */
@Module({
  imports: [ModelsModule, QuotasModule],
  providers: [
    ChatbotDesk,
    ChatbotListsRepository,
    ChatbotModels,
    ChatbotRepository,
    ChatbotRules,
    ChatbotsService,
  ],
  exports: [ChatbotDesk, ChatbotsService],
})
export class ChatbotsModule {}
