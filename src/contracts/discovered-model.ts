/** A model that an upstream says it has, for upstreams without a written model list. */
export interface DiscoveredModel {
  readonly id: string;
  readonly ownedBy?: string | undefined;
  /** Tokens. */
  readonly contextLength?: number | undefined;
  /** Unix seconds. */
  readonly created?: number | undefined;
}
