import type { Price } from '../common/money/price.js';
import type { RequestContext } from '../contracts/accounts/request-context.js';

/** What a sweeper must know of a request that it did not serve, kept with the hold. */
export interface HoldFacts {
  readonly clientRequestId: string | undefined;
  readonly surface: string;
  readonly endpoint: 'chat' | 'completions';
  readonly model: string;
  readonly upstream: string;
  readonly upstreamModel: string;
  readonly streamed: boolean;
  /** Estimate: the process that knew better is gone. */
  readonly promptTokens: number;
  readonly price: Price;
  readonly context?: RequestContext | undefined;
}

interface StoredFacts extends Omit<HoldFacts, 'price' | 'clientRequestId'> {
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

export function stringifyFacts({ price, clientRequestId, ...facts }: HoldFacts): string {
  const stored: StoredFacts = {
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

/** Reads what `stringifyFacts` wrote; nobody else writes that column. */
export function parseFacts(text: string): HoldFacts {
  const { price, clientRequestId, ...facts } = JSON.parse(text) as StoredFacts;
  return {
    ...facts,
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
