import type { CatalogueConfig, ModelConfig, UpstreamConfig } from '../config/app-config.js';
import type { DiscoveredModel } from '../contracts/discovered-model.js';
import { listPrice, priceProviderOf, writtenPrice, type SourcedPrice } from './model-price.js';
import type { Model } from './model.js';
import { findListPrice } from './price-table.js';
import { isKnownThinker } from './thinking-models.js';
import { vendorModels } from './vendor-models.js';

/** One state of everything we sell; never changed, only replaced. Maps, so that `__proto__` is just an unknown id. */
export interface Catalogue {
  readonly models: ReadonlyMap<string, Model>;
  /**
   * Upstreams' own ids that exactly one model serves: `gpt-4o-mini` for `openai/gpt-4o-mini`. The sandbox's are left
   * out: whoever asks for `chat` by mistake must hear that there is no such model, not be charged for a toy's answer.
   */
  readonly aliases: ReadonlyMap<string, Model>;
  /** Where each model's price comes from, by model id; a model that is missing here has none and is refused. */
  readonly prices: ReadonlyMap<string, SourcedPrice>;
  /** When a price changes by itself; the catalogue must be built anew then. */
  readonly validUntilMs: number;
}

/** @param discovered what upstreams have said they have, by upstream name */
export function buildCatalogue(
  config: CatalogueConfig,
  discovered: ReadonlyMap<string, readonly DiscoveredModel[]>,
  nowMs: number,
): Catalogue {
  const upstreams = new Map(config.upstreams.map((upstream) => [upstream.name, upstream]));
  const entries = new Map(config.models.map((model) => [model.id, model]));
  for (const upstream of config.upstreams) {
    if (!upstream.discover) continue;
    for (const model of discoveredModels(upstream, discovered.get(upstream.name), nowMs)) {
      // What the operator wrote wins over what an upstream says.
      if (!entries.has(model.id)) entries.set(model.id, model);
    }
  }
  const models = new Map<string, Model>();
  const prices = new Map<string, SourcedPrice>();
  let validUntilMs = Infinity;
  for (const entry of entries.values()) {
    const sourced =
      entry.pricing === undefined
        ? listPrice(entry, upstreams, nowMs)
        : writtenPrice(entry.id, entry.pricing);
    models.set(entry.id, toModel(entry, sourced));
    if (sourced === undefined) continue;
    prices.set(entry.id, sourced);
    validUntilMs = Math.min(validUntilMs, sourced.validUntilMs);
  }
  return { models, aliases: uniqueUpstreamIds(models, upstreams), prices, validUntilMs };
}

/** An upstream's own models as `<upstream>/<id>`. */
function discoveredModels(
  upstream: UpstreamConfig,
  listed: readonly DiscoveredModel[] | undefined,
  nowMs: number,
): ModelConfig[] {
  const provider = priceProviderOf(upstream);
  const models = listed ?? (provider === undefined ? [] : vendorModels(provider, nowMs));
  return models
    .filter(({ id }) => isUsableId(id))
    .map((model) => ({
      id: `${upstream.name}/${model.id}`,
      name: model.id,
      description: '',
      ownedBy: model.ownedBy ?? upstream.name,
      created: wholeOr0(model.created),
      contextLength:
        wholeOr0(model.contextLength) ||
        (provider && findListPrice(provider, model.id, nowMs)?.contextLength) ||
        0,
      maxCompletionTokens: 0,
      pricing: upstream.discoveredPricing,
      completions: 'chat',
      routes: [{ upstream: upstream.name, model: model.id, priority: 1, weight: 1 }],
    }));
}

/** Visible ASCII: an upstream's list must not bring line breaks into our logs or what no URL can name. */
function isUsableId(id: string): boolean {
  return /^[\x21-\x7e]{1,200}$/.test(id);
}

function wholeOr0(value: number | undefined): number {
  return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function toModel(entry: ModelConfig, sourced: SourcedPrice | undefined): Model {
  return {
    id: entry.id,
    name: entry.name,
    description: entry.description,
    ownedBy: entry.ownedBy,
    created: entry.created,
    contextLength: entry.contextLength,
    maxCompletionTokens: entry.maxCompletionTokens,
    price: sourced?.price,
    otherPrices: sourced?.otherPrices ?? [],
    completions: entry.completions,
    reasoning:
      entry.reasoning ?? (entry.routes.some(({ model }) => isKnownThinker(model)) ? true : undefined),
    routes: entry.routes.map((route) => ({
      upstream: route.upstream,
      upstreamModel: route.model,
      priority: route.priority,
      weight: route.weight,
    })),
  };
}

function uniqueUpstreamIds(
  models: ReadonlyMap<string, Model>,
  upstreams: ReadonlyMap<string, UpstreamConfig>,
): Map<string, Model> {
  const serving = new Map<string, Set<Model>>();
  for (const model of models.values()) {
    for (const { upstream, upstreamModel } of model.routes) {
      if (models.has(upstreamModel) || upstreams.get(upstream)?.protocol === 'sandbox') continue;
      serving.set(upstreamModel, (serving.get(upstreamModel) ?? new Set<Model>()).add(model));
    }
  }
  const unique = new Map<string, Model>();
  for (const [upstreamModel, [model, ...others]] of serving) {
    if (model !== undefined && others.length === 0) unique.set(upstreamModel, model);
  }
  return unique;
}
