import { isDeepStrictEqual } from 'node:util';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { AppConfig, type UpstreamConfig } from '../config/app-config.js';
import { LogService } from '../observability/log.service.js';
import { createAdapter } from './create-adapter.js';
import { type LeasedUpstream, RegisteredUpstream } from './registered-upstream.js';
import { UpstreamError } from './upstream.errors.js';

/** Configured upstreams by name, each with the one adapter that speaks to it. */
@Injectable()
export class UpstreamRegistryService implements OnApplicationShutdown {
  private upstreams: ReadonlyMap<string, RegisteredUpstream> = new Map();
  /** No longer configured, with attempts still under way. */
  private readonly retiring = new Set<RegisteredUpstream>();

  constructor(
    config: AppConfig,
    private readonly clock: Clock,
    private readonly log: LogService,
  ) {
    this.replace(config.catalogue.upstreams);
  }

  /**
   * An upstream for one attempt; release it when the attempt has ended.
   * @throws UpstreamError `upstream_unavailable` for a name that is not configured (any more)
   */
  lease(name: string): LeasedUpstream {
    const upstream = this.upstreams.get(name);
    if (upstream === undefined) {
      throw new UpstreamError('upstream_unavailable', 'No upstream serves this model at the moment.');
    }
    return upstream.lease();
  }

  list(): RegisteredUpstream[] {
    return [...this.upstreams.values()];
  }

  /**
   * Goes over to a new configuration. Attempts under way end on the adapters that they began on; an upstream whose
   * configuration is the same keeps its adapter, and with it its connections.
   */
  replace(configs: readonly UpstreamConfig[]): void {
    const before = this.upstreams;
    this.upstreams = new Map(configs.map((config) => [config.name, this.register(config)]));
    for (const upstream of before.values()) {
      if (this.upstreams.get(upstream.config.name) !== upstream) this.retire(upstream);
    }
  }

  /** Whatever is still under way nobody waits for: the drain has come before. */
  async onApplicationShutdown(): Promise<void> {
    const all = [...this.upstreams.values(), ...this.retiring];
    await Promise.all(all.map(async ({ adapter }) => adapter.destroy?.()));
  }

  private register(config: UpstreamConfig): RegisteredUpstream {
    const existing = this.upstreams.get(config.name);
    return existing !== undefined && isDeepStrictEqual(existing.config, config)
      ? existing
      : new RegisteredUpstream(config, createAdapter(config, this.clock, this.log));
  }

  private retire(upstream: RegisteredUpstream): void {
    this.retiring.add(upstream);
    // It rejects when shutdown destroys the adapter first.
    const retired = (): boolean => this.retiring.delete(upstream);
    upstream.retire().then(retired, retired);
  }
}
