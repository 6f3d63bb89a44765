import { Module } from '@nestjs/common';
import { ThrottlingModule } from '../throttling/throttling.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { ModelsModule } from '../models/models.module.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { AnswerWriterService } from '../http/answer-writer.service.js';
import { AdmissionService } from './admission.js';
import { AffordabilityService } from './affordability.service.js';
import { AnsweringService } from './answering.service.js';
import { AttemptFailures } from './attempt-failures.js';
import { CatalogueKeeper } from './catalogue-keeper.service.js';
import { ClosingService } from './closing.js';
import { DiscoveryService } from './discovery.service.js';
import { DrainService } from './drain.service.js';
import { HoldWatchService } from './hold-watch.service.js';
import { InFlight } from './in-flight.js';
import { InferenceService } from './inference.service.js';
import { LeftStreams } from './left-streams.service.js';
import { Thinking } from './thinking.js';
import { UnsettledService } from './unsettled.service.js';

/** The one pipeline: brings models, upstreams, limits and billing together by passing values. */
@Module({
  imports: [ThrottlingModule, ModelsModule, UpstreamsModule, BillingModule, IdempotencyModule],
  providers: [
    AnsweringService,
    AnswerWriterService,
    InferenceService,
    AdmissionService,
    AffordabilityService,
    AttemptFailures,
    ClosingService,
    HoldWatchService,
    InFlight,
    DiscoveryService,
    CatalogueKeeper,
    DrainService,
    UnsettledService,
    LeftStreams,
    Thinking,
  ],
  exports: [AffordabilityService, AnsweringService, InferenceService, InFlight, CatalogueKeeper],
})
export class InferenceModule {}
