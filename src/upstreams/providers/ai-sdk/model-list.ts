import { badResponse } from '../../upstream-failures.js';
import type { DiscoveredModel } from '../../../contracts/discovered-model.js';

/** A vendor's list of models, for which the AI SDK has no call. */
export interface ModelList {
  /** Under the base URL; asks for more than any vendor has. */
  readonly path: string;
  readonly headers: (apiKey: string) => Record<string, string>;
  /** @throws UpstreamError `upstream_bad_response` */
  readonly read: (body: unknown) => DiscoveredModel[];
}

/** @see https://docs.claude.com/en/api/models-list */
export const ANTHROPIC_MODELS: ModelList = {
  path: '/models?limit=1000',
  headers: (apiKey) => ({ 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' }),
  read: (body) =>
    entries(body, 'data').flatMap((model) => {
      if (typeof model['id'] !== 'string') return [];
      const createdMs = Date.parse(String(model['created_at']));
      const created = Number.isNaN(createdMs) || createdMs <= 0 ? undefined : Math.floor(createdMs / 1000);
      return [
        { id: model['id'], ownedBy: 'anthropic', contextLength: count(model['max_input_tokens']), created },
      ];
    }),
};

/** Models that generate content; names come as `models/<id>`. @see https://ai.google.dev/api/models#method:-models.list */
export const GOOGLE_MODELS: ModelList = {
  path: '/models?pageSize=1000',
  headers: (apiKey) => ({ 'x-goog-api-key': apiKey }),
  read: (body) =>
    entries(body, 'models').flatMap((model) => {
      const { name, supportedGenerationMethods: methods, inputTokenLimit } = model;
      if (typeof name !== 'string' || !Array.isArray(methods) || !methods.includes('generateContent'))
        return [];
      return [
        { id: name.replace(/^models\//, ''), ownedBy: 'google', contextLength: count(inputTokenLimit) },
      ];
    }),
};

function entries(body: unknown, key: string): Record<string, unknown>[] {
  const list = isObject(body) ? body[key] : undefined;
  if (Array.isArray(list)) return list.filter(isObject);
  throw badResponse('no list of models');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}
