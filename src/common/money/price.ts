/**
 * What a model costs. Unit: pico-USD (10⁻¹² USD) per token, so that every published price is a whole number
 * (0.0000003 USD a token = 300 000 pico-USD; the finest list price, 0.01875 USD a million, = 18 750).
 */
export interface Price {
  /** Names this price for ever: a usage row or ledger entry that was charged by it carries this id. */
  readonly version: string;
  readonly promptPicoUsdPerToken: bigint;
  readonly completionPicoUsdPerToken: bigint;
  /** For prompt tokens that the upstream read from its cache; absent: the same as prompt tokens. */
  readonly cachedPromptPicoUsdPerToken?: bigint;
  /** For prompt tokens that are sound, for completion tokens that are; absent: the same as the others. */
  readonly audioPromptPicoUsdPerToken?: bigint;
  readonly audioCompletionPicoUsdPerToken?: bigint;
  /** Once for a request that may search the web; absent: it may not. */
  readonly webSearchPicoUsd?: bigint;
  /** The service tier that it holds for; absent: the standard one. */
  readonly serviceTier?: string;
}
