import type { ChatCompletionRequest, StreamOptions } from '../../../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../../contracts/openai/completion.js';
import type { HttpRequest } from '../../http/http-exchange.js';

/** Where an upstream is, in the pieces that a request is made of. */
export interface BaseUrl {
  readonly origin: string;
  /** Without a slash at the end. */
  readonly path: string;
  /** Kept behind every path (`?api-version=…`). */
  readonly query: string;
}

/** @throws TypeError for what is no URL */
export function parseBaseUrl(baseUrl: string): BaseUrl {
  const { origin, pathname, search } = new URL(baseUrl);
  return { origin, path: pathname.replace(/\/+$/, ''), query: search };
}

/** Headers that are the same for every request of one upstream, as names and values in turn. */
export function fixedHeaders(apiKey: string | undefined): string[] {
  return [
    'user-agent',
    'tollgate',
    // Decompressing costs more than the bytes do, and a compressor in between would hold events back.
    'accept-encoding',
    'identity',
    ...(apiKey === undefined ? [] : ['authorization', `Bearer ${apiKey}`]),
  ];
}

/**
 * @param request sent as it is, but for `stream` and `stream_options`, which follow from `stream`: usage is always
 * asked for, because we bill by it
 */
export function inferenceRequest(
  { path, query }: BaseUrl,
  endpointPath: string,
  headers: readonly string[],
  call: { requestId: string; request: ChatCompletionRequest | CompletionRequest },
  stream: boolean,
): HttpRequest {
  const stream_options: StreamOptions | undefined = stream
    ? { ...call.request.stream_options, include_usage: true }
    : undefined;
  return {
    method: 'POST',
    path: path + endpointPath + query,
    headers: [
      ...headers,
      'content-type',
      'application/json',
      'accept',
      stream ? 'text/event-stream' : 'application/json',
      'x-request-id',
      call.requestId,
    ],
    // undefined is left out.
    body: JSON.stringify({ ...call.request, stream: stream || undefined, stream_options }),
  };
}

export function modelsRequest({ path, query }: BaseUrl, headers: readonly string[]): HttpRequest {
  return {
    method: 'GET',
    path: `${path}/models${query}`,
    headers: [...headers, 'accept', 'application/json'],
  };
}
