import { Global, Module } from '@nestjs/common';
import { BlockWatchService } from './block-watch.service.js';
import { LogService } from './log.service.js';
import { MetricsService } from './metrics.service.js';

@Global()
@Module({
  providers: [BlockWatchService, LogService, MetricsService],
  exports: [BlockWatchService, LogService, MetricsService],
})
export class ObservabilityModule {}
