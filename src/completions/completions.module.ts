import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.js';
import {
  LightningrodCompletionsController,
  QolabaCompletionsController,
  WaterflaiCompletionsController,
} from './completions.controller.js';
import { CompletionsService } from './completions.service.js';

@Module({
  imports: [InferenceModule],
  controllers: [
    WaterflaiCompletionsController,
    QolabaCompletionsController,
    LightningrodCompletionsController,
  ],
  providers: [CompletionsService],
})
export class CompletionsModule {}
