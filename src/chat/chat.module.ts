import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.js';
import {
  LightningrodChatController,
  QolabaChatController,
  WaterflaiChatController,
} from './chat.controller.js';
import { ChatService } from './chat.service.js';

@Module({
  imports: [InferenceModule],
  controllers: [WaterflaiChatController, QolabaChatController, LightningrodChatController],
  providers: [ChatService],
})
export class ChatModule {}
