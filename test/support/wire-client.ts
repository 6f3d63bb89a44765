import OpenAI from 'openai';
import type { Tollgate } from './tollgate.js';
import type { WireSurface } from './wire-surfaces.js';

export interface CountedClient {
  readonly client: OpenAI;
  /** Status of every HTTP answer so far, retries included. */
  readonly statuses: number[];
}

/** The official client on one surface, unmodified, its requests counted. */
export function countedClient(
  tollgate: Tollgate,
  { base }: WireSurface,
  apiKey = tollgate.key,
): CountedClient {
  const statuses: number[] = [];
  const client = new OpenAI({
    baseURL: `${tollgate.origin}${base}`,
    apiKey,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      return response;
    },
  });
  return { client, statuses };
}
