/** A model that an upstream says it has. Structurally what an adapter's `listModels` gives. */
export interface DiscoveredModel {
  readonly id: string;
  readonly ownedBy?: string | undefined;
  /** Tokens. */
  readonly contextLength?: number | undefined;
  /** Unix seconds. */
  readonly created?: number | undefined;
}
