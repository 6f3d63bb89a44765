import { Module } from '@nestjs/common';
import { BillingModule } from '../billing/billing.module.js';
import { ChatbotsModule } from '../chatbots/chatbots.module.js';
import { InferenceModule } from '../inference/inference.module.js';
import { ModelsModule } from '../models/models.module.js';
import { ChatbotCompletionsService } from './chatbot-completions.service.js';
import {
  LightningrodCompletionsController,
  QolabaCompletionsController,
  WaterflaiCompletionsController,
} from './completions.controller.js';
import { CompletionsService } from './completions.service.js';

@Module({
  imports: [InferenceModule, ModelsModule, BillingModule, ChatbotsModule],
  controllers: [
    WaterflaiCompletionsController,
    QolabaCompletionsController,
    LightningrodCompletionsController,
  ],
  providers: [CompletionsService, ChatbotCompletionsService],
})
export class CompletionsModule {}
