import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { AccountsModule } from './accounts/accounts.module.js';
import { AdminModule } from './admin/admin.module.js';
import { AuthGuard } from './auth/auth.guard.js';
import { AuthModule } from './auth/auth.module.js';
import { BillingModule } from './billing/billing.module.js';
import { ChatModule } from './chat/chat.module.js';
import { ChatbotsModule } from './chatbots/chatbots.module.js';
import { ClockModule } from './common/clock/clock.module.js';
import { CompletionsModule } from './completions/completions.module.js';
import type { AppConfig } from './config/app-config.js';
import { ConfigModule } from './config/config.module.js';
import { ConversationsModule } from './conversations/conversations.module.js';
import { HealthModule } from './health/health.module.js';
import { BodyGuard } from './http/body.guard.js';
import { FailureFilter } from './http/failure.filter.js';
import { RouteTableService } from './http/route-table.service.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { InferenceModule } from './inference/inference.module.js';
import { ModelsModule } from './models/models.module.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { DatabaseModule } from './persistence/database.module.js';
import { QuotasModule } from './quotas/quotas.module.js';
import { SelfServiceModule } from './self-service/self-service.module.js';
import { RateLimitGuard } from './throttling/rate-limit.guard.js';
import { ThrottlingModule } from './throttling/throttling.module.js';
import { UpstreamsModule } from './upstreams/upstreams.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/**
 * The house: all its rooms, in the order in which the documentation lists their routes. Guards run in the order in which
 * they stand here: who calls, how often, and with what body.
 */
@Module({})
export class AppModule {
  static forRoot(config: AppConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        ClockModule,
        ObservabilityModule,
        DatabaseModule,
        QuotasModule,
        AuthModule,
        ThrottlingModule,
        ModelsModule,
        UpstreamsModule,
        BillingModule,
        IdempotencyModule,
        InferenceModule,
        AccountsModule,
        ChatModule,
        CompletionsModule,
        HealthModule,
        AdminModule,
        SelfServiceModule,
        ChatbotsModule,
        ConversationsModule,
        WebhooksModule,
      ],
      providers: [
        RouteTableService,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_GUARD, useClass: BodyGuard },
        { provide: APP_FILTER, useClass: FailureFilter },
      ],
    };
  }
}
