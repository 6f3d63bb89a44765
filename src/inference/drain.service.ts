import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { HousekeepingService } from '../billing/housekeeping.service.js';
import { AppConfig } from '../config/app-config.js';
import type { TollgateAdapter } from '../http/tollgate-adapter.js';
import { InFlight } from './in-flight.js';
import { SettlementRetryService } from './settlement-retry.service.js';

/**
 * Holds shutdown back until every answer under way has ended and is settled. Until then other processes must see that
 * this one lives, or they would resolve its holds. From its beginning every answer closes its connection, so that clients
 * with kept connections go elsewhere.
 */
@Injectable()
export class DrainService implements BeforeApplicationShutdown {
  constructor(
    private readonly inFlight: InFlight,
    private readonly settlementRetries: SettlementRetryService,
    private readonly housekeeping: HousekeepingService,
    private readonly config: AppConfig,
    private readonly host: HttpAdapterHost<TollgateAdapter>,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    this.host.httpAdapter.sayGoodbye();
    await this.inFlight.drain(this.config.server.drainTimeoutMs);
    await this.settlementRetries.flush();
    await this.housekeeping.stop();
  }
}
