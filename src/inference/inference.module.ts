import { Module } from '@nestjs/common';
import { BillingModule } from '../billing/billing.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { ModelsModule } from '../models/models.module.js';
import { ThrottlingModule } from '../throttling/throttling.module.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { AnswerWriterService } from '../http/answer-writer.service.js';
import { AffordabilityService } from './affordability.service.js';
import { AttemptsService } from './attempts.service.js';
import { CatalogueKeeper } from './catalogue-keeper.service.js';
import { DiscoveryService } from './discovery.service.js';
import { DrainService } from './drain.service.js';
import { HoldMonitorService } from './hold-monitor.service.js';
import { InFlight } from './in-flight.js';
import { InferenceService } from './inference.service.js';
import { LeftStreams } from './left-streams.service.js';
import { ReservationService } from './reservation.service.js';
import { ResponderService } from './responder.service.js';
import { SettlementCoordinatorService } from './settlement-coordinator.service.js';
import { SettlementRetryService } from './settlement-retry.service.js';
import { Thinking } from './thinking.js';

/** The one pipeline: brings models, upstreams, limits and billing together by passing values. */
@Module({
  imports: [ThrottlingModule, ModelsModule, UpstreamsModule, BillingModule, IdempotencyModule],
  providers: [
    ResponderService,
    AnswerWriterService,
    InferenceService,
    ReservationService,
    AffordabilityService,
    AttemptsService,
    SettlementCoordinatorService,
    HoldMonitorService,
    InFlight,
    DiscoveryService,
    CatalogueKeeper,
    DrainService,
    SettlementRetryService,
    LeftStreams,
    Thinking,
  ],
  exports: [AffordabilityService, ResponderService, InferenceService, InFlight, CatalogueKeeper],
})
export class InferenceModule {}
