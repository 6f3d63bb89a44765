import type { Price } from '../common/money/price.js';
import type { RequestProvenance } from '../contracts/accounts/request-provenance.js';

/** What never changes about a request once it is admitted. Every row about it has these facts. */
export interface RequestFacts {
  /** Ours, never the caller's: it decides what is stored once. */
  readonly requestId: string;
  /** The caller's own `X-Request-Id`, for finding the request again; not unique. */
  readonly clientRequestId: string | undefined;
  readonly accountId: string;
  readonly keyId: string;
  readonly surface: string;
  readonly endpoint: 'chat' | 'completions';
  /** Public model id. */
  readonly model: string;
  readonly streamed: boolean;
  /** `undefined`: neither chatbot nor conversation had a part in it. */
  readonly context?: RequestProvenance | undefined;
}

/**
 * The static half of a settlement: what is known when credit is reserved. Written once, by whoever admits the request;
 * stored with the hold, so that a sweeper can settle a request that it did not serve.
 */
export interface HoldMetadata extends RequestFacts {
  /** Of the first route; the settlement names the one that was used. */
  readonly upstream: string;
  readonly upstreamModel: string;
  /** Estimate, for a sweeper: the process that knew better is gone. */
  readonly promptTokens: number;
  readonly price: Price;
}

type HoldIds = Pick<HoldMetadata, 'requestId' | 'accountId' | 'keyId'>;

/** The ids have columns of their own. */
interface StoredMetadata extends Omit<HoldMetadata, keyof HoldIds | 'price' | 'clientRequestId'> {
  readonly clientRequestId: string | null;
  readonly price: StoredPrice;
}

/** Amounts as text; those after `cachedPrompt` are absent where the price has none. */
interface StoredPrice {
  readonly version: string;
  readonly prompt: string;
  readonly completion: string;
  readonly cachedPrompt: string | null;
  readonly audioPrompt?: string | undefined;
  readonly audioCompletion?: string | undefined;
  readonly webSearch?: string | undefined;
  readonly serviceTier?: string | undefined;
}

export function stringifyMetadata({
  requestId: _requestId,
  accountId: _accountId,
  keyId: _keyId,
  price,
  clientRequestId,
  ...facts
}: HoldMetadata): string {
  const stored: StoredMetadata = {
    ...facts,
    clientRequestId: clientRequestId ?? null,
    price: {
      version: price.version,
      prompt: String(price.promptPicoUsdPerToken),
      completion: String(price.completionPicoUsdPerToken),
      cachedPrompt:
        price.cachedPromptPicoUsdPerToken === undefined ? null : String(price.cachedPromptPicoUsdPerToken),
      audioPrompt: price.audioPromptPicoUsdPerToken?.toString(),
      audioCompletion: price.audioCompletionPicoUsdPerToken?.toString(),
      webSearch: price.webSearchPicoUsd?.toString(),
      serviceTier: price.serviceTier,
    },
  };
  return JSON.stringify(stored);
}

/** Reads what `stringifyMetadata` wrote; nobody else writes that column. */
export function parseMetadata({
  requestId,
  accountId,
  keyId,
  facts: text,
}: HoldIds & { readonly facts: string }): HoldMetadata {
  const { price, clientRequestId, ...facts } = JSON.parse(text) as StoredMetadata;
  return {
    ...facts,
    requestId,
    accountId,
    keyId,
    clientRequestId: clientRequestId ?? undefined,
    price: {
      version: price.version,
      promptPicoUsdPerToken: BigInt(price.prompt),
      completionPicoUsdPerToken: BigInt(price.completion),
      ...(price.cachedPrompt !== null && { cachedPromptPicoUsdPerToken: BigInt(price.cachedPrompt) }),
      ...(price.audioPrompt !== undefined && { audioPromptPicoUsdPerToken: BigInt(price.audioPrompt) }),
      ...(price.audioCompletion !== undefined && {
        audioCompletionPicoUsdPerToken: BigInt(price.audioCompletion),
      }),
      ...(price.webSearch !== undefined && { webSearchPicoUsd: BigInt(price.webSearch) }),
      ...(price.serviceTier !== undefined && { serviceTier: price.serviceTier }),
    },
  };
}
