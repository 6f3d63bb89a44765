import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { AppConfig, type UpstreamConfig } from '../config/app-config.js';
import type { UpstreamTimeouts } from '../contracts/upstream-timeouts.js';
import { Log } from '../observability/log.js';
import { createAdapter } from './create-adapter.js';
import { UpstreamError } from './upstream.errors.js';
import type { UpstreamAdapter } from './upstream.port.js';

export interface RegisteredUpstream {
  readonly config: UpstreamConfig;
  readonly adapter: UpstreamAdapter;
  readonly timeouts: UpstreamTimeouts;
}

/** Configured upstreams by name, each with the one adapter that speaks to it. */
@Injectable()
export class UpstreamRegistry implements OnApplicationShutdown {
  private upstreams: ReadonlyMap<string, RegisteredUpstream>;

  constructor(
    config: AppConfig,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.upstreams = this.build(config.catalogue.upstreams);
  }

  /** @throws UpstreamError `upstream_unavailable` for a name that is not configured (any more) */
  get(name: string): RegisteredUpstream {
    const upstream = this.upstreams.get(name);
    if (upstream === undefined) {
      throw new UpstreamError('upstream_unavailable', 'No upstream serves this model at the moment.');
    }
    return upstream;
  }

  list(): RegisteredUpstream[] {
    return [...this.upstreams.values()];
  }

  /** Goes over to a new configuration; attempts under way end on the adapters that they began on. */
  replace(configs: readonly UpstreamConfig[]): void {
    const before = this.upstreams;
    this.upstreams = this.build(configs);
    for (const { adapter } of before.values()) void adapter.close?.().catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.list().map(({ adapter }) => adapter.close?.()));
  }

  private build(configs: readonly UpstreamConfig[]): ReadonlyMap<string, RegisteredUpstream> {
    return new Map(
      configs.map((config) => [
        config.name,
        { config, adapter: createAdapter(config, this.clock, this.log), timeouts: config.timeouts },
      ]),
    );
  }
}
