import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import type { Price } from '../common/money/price.js';
import { AppConfig, type CatalogueConfig } from '../config/app-config.js';
import { catalogueWarnings } from './catalogue-warnings.js';
import { buildCatalogue, type Catalogue } from './catalogue.js';
import type { DiscoveredModel } from '../contracts/discovered-model.js';
import { ModelNotFoundError } from './models.errors.js';
import { isPriced, type Model, type PricedModel } from './model.js';

/** A price in force, with what is needed to explain a ledger row that names its version. */
export interface PriceVersion {
  readonly modelId: string;
  readonly price: Price;
  /** `written`, or the price table's entries. */
  readonly source: string;
}

/** Holds the catalogue in force. Replacing it never disturbs a request that has found its model already. */
@Injectable()
export class CatalogueService {
  private readonly logger = new Logger('Catalogue');
  private readonly discovered = new Map<string, readonly DiscoveredModel[]>();
  private config: CatalogueConfig;
  private catalogue: Catalogue;

  constructor(
    config: AppConfig,
    private readonly clock: Clock,
  ) {
    this.config = config.catalogue;
    this.catalogue = this.build();
    this.report();
  }

  /** By public id, or by an upstream's own id that exactly one model serves. */
  find(id: string): Model | undefined {
    const { models, aliases } = this.current();
    return models.get(id) ?? aliases.get(id);
  }

  /** @throws ModelNotFoundError */
  get(id: string): Model {
    const model = this.find(id);
    if (model === undefined) throw new ModelNotFoundError(id);
    return model;
  }

  /** Whether a key's list of models lets it use `model`; the list may name it in any way that `find` takes. */
  permits(allowedModels: readonly string[] | null, model: Model): boolean {
    return allowedModels === null || allowedModels.some((id) => this.find(id)?.id === model.id);
  }

  /** Models that can be called, in the order of the configuration; one without a known price cannot. */
  list(): PricedModel[] {
    return [...this.current().models.values()].filter(isPriced);
  }

  /** The catalogue in force; another object whenever anything in it has changed. */
  current(): Catalogue {
    if (this.clock.nowMs() >= this.catalogue.validUntilMs) this.catalogue = this.build();
    return this.catalogue;
  }

  /** Takes a new configuration; what upstreams have said they have is kept. */
  replace(config: CatalogueConfig): void {
    this.config = config;
    this.catalogue = this.build();
    this.report();
  }

  /** Takes what an upstream says it has, in place of what it said before; served as `<upstream>/<id>`. */
  setDiscovered(upstream: string, models: readonly DiscoveredModel[]): void {
    this.discovered.set(upstream, models);
    this.catalogue = this.build();
    const prices = this.catalogue.prices;
    if (models.length > 0 && models.every(({ id }) => !prices.has(`${upstream}/${id}`))) {
      this.logger.warn(
        `No price known for any model of upstream ${upstream}, so none is listed and calls are refused. ` +
          `Write one, "0" if they are free: docs/configuration.md, Prices`,
      );
    }
  }

  /** Every price in force, for who keeps the history of prices. */
  currentPriceVersions(): PriceVersion[] {
    return [...this.current().prices].flatMap(([modelId, { price, otherPrices, source }]) =>
      [price, ...otherPrices].map((each) => ({ modelId, price: each, source })),
    );
  }

  private build(): Catalogue {
    return buildCatalogue(this.config, this.discovered, this.clock.nowMs());
  }

  /**
   * The operator should hear before a user does that a configured model is refused. Single discovered ones pass in
   * silence: vendors list embeddings, speech and much else that nobody means to sell here.
   */
  private report(): void {
    for (const warning of catalogueWarnings(this.config, this.catalogue)) this.logger.warn(warning);
  }
}
