import { Module } from '@nestjs/common';
import { QuotasModule } from '../quotas/quotas.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { ChatbotsModule } from '../chatbots/chatbots.module.js';
import { ConversationsModule } from '../conversations/conversations.module.js';
import { InferenceModule } from '../inference/inference.module.js';
import { ModelsModule } from '../models/models.module.js';
import {
  LightningrodChatController,
  QolabaChatController,
  WaterflaiChatController,
} from './chat.controller.js';
import { ChatPlanService } from './chat-plan.service.js';
import { ChatService } from './chat.service.js';
import { TokenRatios } from './memory/token-ratios.js';
import { RecallService } from './recall.service.js';
import { SummariserService } from './summariser.service.js';
import { StoredCompletionWriterService } from './stored-completion-writer.service.js';
import { TurnWriterService } from './turn-writer.service.js';
import { TurnService } from './turn.service.js';

@Module({
  imports: [QuotasModule, InferenceModule, ModelsModule, BillingModule, ChatbotsModule, ConversationsModule],
  controllers: [WaterflaiChatController, QolabaChatController, LightningrodChatController],
  providers: [
    ChatService,
    ChatPlanService,
    TurnService,
    RecallService,
    SummariserService,
    StoredCompletionWriterService,
    TurnWriterService,
    TokenRatios,
  ],
})
export class ChatModule {}
