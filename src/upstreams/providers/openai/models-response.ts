import type { DiscoveredModel } from '../../upstream.port.js';
import { badResponse } from './errors.js';
import { isObject, type JsonObject } from './json-value.js';

/**
 * Body of `GET /models`; entries without an id are left out.
 * @throws UpstreamError upstream_bad_response
 */
export function toDiscoveredModels(body: JsonObject): DiscoveredModel[] {
  if (!Array.isArray(body.data)) throw badResponse('no data');
  return body.data.filter(isObject).flatMap((model) =>
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
