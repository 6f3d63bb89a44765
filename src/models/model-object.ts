import type { Price } from '../common/money/price.js';
import { formatPicoUsd } from '../common/money/usd.js';
import type { ModelObject, ModelPricing, TokenPricing } from '../contracts/openai/model.dto.js';
import type { PricedModel } from './model.js';

/** A model as the models routes show it. */
export function toModelObject(model: PricedModel, defaultOwner: string): ModelObject {
  return {
    id: model.id,
    object: 'model',
    created: model.created,
    owned_by: model.ownedBy === '' ? defaultOwner : model.ownedBy,
    name: model.name,
    description: model.description,
    context_length: model.contextLength,
    max_completion_tokens: model.maxCompletionTokens,
    pricing: toPricing(model),
  };
}

function toPricing({ price, otherPrices }: PricedModel): ModelPricing {
  const webSearch = otherPrices.find(
    ({ webSearchPicoUsd }) => webSearchPicoUsd !== undefined,
  )?.webSearchPicoUsd;
  const tiers = otherPrices.flatMap((each) =>
    each.serviceTier === undefined || each.webSearchPicoUsd !== undefined
      ? []
      : [[each.serviceTier, toTokenPricing(each)] as const],
  );
  return {
    ...toTokenPricing(price),
    ...(webSearch !== undefined && { web_search: formatPicoUsd(webSearch) }),
    ...(tiers.length > 0 && { tiers: Object.fromEntries(tiers) }),
  };
}

function toTokenPricing(price: Price): TokenPricing {
  const cached = price.cachedPromptPicoUsdPerToken;
  const { audioPromptPicoUsdPerToken: heard, audioCompletionPicoUsdPerToken: spoken } = price;
  return {
    prompt: formatPicoUsd(price.promptPicoUsdPerToken),
    completion: formatPicoUsd(price.completionPicoUsdPerToken),
    ...(cached !== undefined && { input_cache_read: formatPicoUsd(cached) }),
    ...(heard !== undefined && { audio_prompt: formatPicoUsd(heard) }),
    ...(spoken !== undefined && { audio_completion: formatPicoUsd(spoken) }),
  };
}
