import { Module } from '@nestjs/common';
import { AccountModelsService } from './account-models.service.js';
import { CatalogueService } from './catalogue.service.js';
import {
  LightningRodModelsController,
  QolabaModelsController,
  WaterflaiModelsController,
} from './models.controller.js';
import { ModelsService } from './models.service.js';

/** What we sell: the catalogue, and the routes that show it. Needs `ConfigModule` and `ClockModule`, both global. */
@Module({
  controllers: [WaterflaiModelsController, QolabaModelsController, LightningRodModelsController],
  providers: [AccountModelsService, CatalogueService, ModelsService],
  exports: [AccountModelsService, CatalogueService],
})
export class ModelsModule {}
