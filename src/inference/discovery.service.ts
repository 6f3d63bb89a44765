import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LogService } from '../observability/log.service.js';
import type { UpstreamConfig } from '../config/app-config.js';
import { isPriced } from '../models/model.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { RegisteredUpstream } from '../upstreams/registered-upstream.js';
import { upstreamAdvice } from '../upstreams/upstream-advice.js';
import { UpstreamRegistryService } from '../upstreams/upstream-registry.service.js';

const LIST_TIMEOUT_MS = 10_000;
const REFRESH_MS = 300_000;
const RETRY_MS = 15_000;

/**
 * Asks upstreams without a written model list what they have, at start and every five minutes; sooner while one does
 * not answer. An upstream that is away keeps the models it last had.
 */
@Injectable()
export class DiscoveryService implements OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  /** By upstream, how many were told of. */
  private readonly unpriced = new Map<string, number>();
  private stopped = false;
  private running: Promise<void> | undefined;
  /** Told whenever an upstream's models are in the catalogue: their prices need recording. */
  onDiscovered: () => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly catalogue: CatalogueService,
    private readonly upstreams: UpstreamRegistryService,
    private readonly log: LogService,
  ) {}

  /** Asks all of them now, after the run under way if there is one; resolves when each has answered or given up. */
  refresh(): Promise<void> {
    const run = (this.running ?? Promise.resolve()).then(() => this.discoverAll());
    this.running = run;
    return run;
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async discoverAll(): Promise<void> {
    clearTimeout(this.timer);
    const asked = this.upstreams.list().filter(({ config }) => config.discover);
    if (asked.length === 0) return;
    const answered = await Promise.all(asked.map((upstream) => this.discover(upstream)));
    if (this.stopped) return;
    const nextMs = answered.every(Boolean) ? REFRESH_MS : RETRY_MS;
    this.timer = setTimeout(() => void this.refresh(), nextMs).unref();
  }

  /** A model without a price is not served, which looks to its operator as if it were not there. */
  private tellUnpriced({ name, discoveredPricing }: UpstreamConfig): void {
    if (discoveredPricing !== undefined) return;
    const { models } = this.catalogue.current();
    const unpriced = [...models.values()].filter(
      (model) => !isPriced(model) && model.routes.some(({ upstream }) => upstream === name),
    );
    if (unpriced.length === (this.unpriced.get(name) ?? 0)) return;
    this.unpriced.set(name, unpriced.length);
    if (unpriced.length === 0) return;
    this.log.warn(
      {
        upstream: name,
        models: unpriced.length,
        first: unpriced[0]?.id,
        advice:
          'Set their pricing in tollgate.yaml, or UPSTREAM_PRICING for the upstream of UPSTREAM_BASE_URL; 0,0 where they are free.',
      },
      'models without a known price are not served',
    );
  }

  private async discover({ config, adapter }: RegisteredUpstream): Promise<boolean> {
    if (adapter.listModels === undefined) return true;
    try {
      const models = await adapter.listModels(AbortSignal.timeout(LIST_TIMEOUT_MS));
      // A reload has put another in its place meanwhile: what this one has is nobody's business any more.
      if (!this.upstreams.list().some((upstream) => upstream.adapter === adapter)) return true;
      this.catalogue.setDiscovered(config.name, models);
      await this.onDiscovered();
      this.log.info({ upstream: config.name, models: models.length }, 'models discovered');
      this.tellUnpriced(config);
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown failure';
      this.log.warn(
        { upstream: config.name, reason, ...upstreamAdvice(config, '/models', error) },
        'the upstream does not list its models',
      );
      return false;
    }
  }
}
