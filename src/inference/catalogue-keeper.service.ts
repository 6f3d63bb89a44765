import { Injectable } from '@nestjs/common';
import { PriceVersionRepository } from '../billing/price-version.repository.js';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import { ConfigError } from '../config/config.errors.js';
import { reloadCatalogue } from '../config/load-config.js';
import { CatalogueService } from '../models/catalogue.service.js';
import { LogService } from '../observability/log.service.js';
import { UpstreamRegistryService } from '../upstreams/upstream-registry.service.js';
import { DiscoveryService } from './discovery.service.js';

/** What became of a reload: what is served now, and why the configuration was refused (then nothing changed). */
export interface Reload {
  readonly configFile: string | undefined;
  readonly upstreams: number;
  /** As the configuration lists them; those that upstreams list themselves come later. */
  readonly models: number;
  readonly faults: readonly string[];
}

/** Keeps catalogue, upstreams and the history of prices in step: at start, on discovery, on reload. */
@Injectable()
export class CatalogueKeeper {
  constructor(
    private readonly config: AppConfig,
    private readonly catalogue: CatalogueService,
    private readonly upstreams: UpstreamRegistryService,
    private readonly discovery: DiscoveryService,
    private readonly prices: PriceVersionRepository,
    private readonly clock: Clock,
    private readonly log: LogService,
  ) {}

  /** Call once, when the database is ready. Does not wait for upstreams that are slow to list their models. */
  async start(): Promise<void> {
    await this.recordPrices();
    this.discovery.onDiscovered = () => this.recordPrices();
    void this.discovery.refresh();
  }

  /** Reads the configuration again. A bad one is refused, with its faults in the log, too, and the old one stays. */
  async reload(): Promise<Reload> {
    const { configFile } = this.config;
    try {
      const fresh = reloadCatalogue(this.config);
      this.upstreams.replace(fresh.upstreams);
      this.catalogue.replace(fresh);
      await this.recordPrices();
      void this.discovery.refresh();
      this.log.info({ models: fresh.models.length }, 'configuration reloaded');
      return { configFile, upstreams: fresh.upstreams.length, models: fresh.models.length, faults: [] };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error({ reason }, 'configuration not reloaded; the old one stays');
      if (!(error instanceof ConfigError)) throw error;
      return { configFile, upstreams: 0, models: 0, faults: error.faults };
    }
  }

  private async recordPrices(): Promise<void> {
    const effectiveFromMs = this.clock.nowMs();
    await this.prices.upsertMany(
      this.catalogue.currentPriceVersions().map(({ modelId, price, source }) => ({
        ...price,
        model: modelId,
        source: source === 'written' ? 'config' : 'price-table',
        effectiveFromMs,
      })),
    );
  }
}
