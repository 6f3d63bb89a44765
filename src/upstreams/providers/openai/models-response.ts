import { badResponse } from '../../upstream-failures.js';
import type { DiscoveredModel } from '../../../contracts/discovered-model.js';
import { isObject } from './json-value.js';

/**
 * Body of `GET /models`, a list object or (Together) a bare list; entries without an id are left out.
 * @throws UpstreamError upstream_bad_response
 */
export function toDiscoveredModels(body: unknown): DiscoveredModel[] {
  const models = isObject(body) ? body.data : body;
  if (!Array.isArray(models)) throw badResponse('no list of models');
  return models.filter(isObject).flatMap((model) =>
    typeof model.id === 'string' && model.id !== ''
      ? [
          {
            id: model.id,
            ownedBy: typeof model.owned_by === 'string' ? model.owned_by : undefined,
            // OpenRouter and Together; Groq; vLLM; Mistral.
            contextLength: firstCount(
              model.context_length,
              model.context_window,
              model.max_model_len,
              model.max_context_length,
            ),
            created: firstCount(model.created),
          },
        ]
      : [],
  );
}

function firstCount(...values: unknown[]): number | undefined {
  return values.find((value): value is number => Number.isSafeInteger(value) && (value as number) > 0);
}
