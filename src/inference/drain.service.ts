import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { InFlight } from './in-flight.js';

/** Holds shutdown back until every answer under way has ended and is settled. */
@Injectable()
export class DrainService implements BeforeApplicationShutdown {
  constructor(
    private readonly inFlight: InFlight,
    private readonly config: AppConfig,
  ) {}

  beforeApplicationShutdown(): Promise<void> {
    return this.inFlight.drain(this.config.server.drainTimeoutMs);
  }
}
