import { Global, Module } from '@nestjs/common';
import { BlockWatch } from './block-watch.js';
import { Log } from './log.js';
import { Metrics } from './metrics.js';

@Global()
@Module({ providers: [BlockWatch, Log, Metrics], exports: [BlockWatch, Log, Metrics] })
export class ObservabilityModule {}
