import type { Price } from '../common/money/price.js';

/** The link from a public model to an upstream's own model. */
export interface Route {
  readonly upstream: string;
  readonly upstreamModel: string;
  readonly priority: number;
  readonly weight: number;
}

/** One sellable model of the catalogue. */
export interface Model {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly ownedBy: string;
  /** Unix seconds. */
  readonly created: number;
  /** Tokens; 0: unknown. */
  readonly contextLength: number;
  readonly maxCompletionTokens: number;
  /** `undefined`: unknown, so a call is refused before any upstream hears of it. */
  readonly price: Price | undefined;
  /** What it costs in other service tiers and where it may search the web; each combination is one price. */
  readonly otherPrices: readonly Price[];
  readonly completions: 'native' | 'chat';
  /** Whether it may think without showing it; `undefined`: nobody has said. */
  readonly reasoning?: boolean | undefined;
  readonly routes: readonly Route[];
}

/** A model that can be called. */
export interface PricedModel extends Model {
  readonly price: Price;
}

export function isPriced(model: Model): model is PricedModel {
  return model.price !== undefined;
}
