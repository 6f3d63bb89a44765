import type { Price } from '../common/money/price.js';
import { formatPicoUsd } from '../common/money/usd.js';
import type { ModelObject, ModelPricing } from '../contracts/openai/model.dto.js';
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
    pricing: toPricing(model.price),
  };
}

function toPricing(price: Price): ModelPricing {
  const cached = price.cachedPromptPicoUsdPerToken;
  return {
    prompt: formatPicoUsd(price.promptPicoUsdPerToken),
    completion: formatPicoUsd(price.completionPicoUsdPerToken),
    ...(cached !== undefined && { input_cache_read: formatPicoUsd(cached) }),
  };
}
