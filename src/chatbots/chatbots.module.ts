import { Module } from '@nestjs/common';
import { ChatbotRepository } from './chatbot.repository.js';
import { ChatbotsService } from './chatbots.service.js';

/** Presets over models: an account's own, in versions, callable like models. */
@Module({
  providers: [ChatbotRepository, ChatbotsService],
  exports: [ChatbotsService],
})
export class ChatbotsModule {}
