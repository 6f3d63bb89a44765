import type { Tollgate } from './tollgate.js';

/** How to ask besides the body. */
export interface Asking {
  /** Secret of the key; default: the first account's. */
  readonly key?: string;
  /** Base URL of the surface, as a path. */
  readonly base?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** A chat answer as its client has it, streamed or not. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** The body to the byte. */
  readonly text: string;
  /** What the first choice says. */
  readonly said: string;
  /** Of the body, or of the last event before `[DONE]`. */
  readonly conversationId: string | undefined;
  /** `chatcmpl-…` */
  readonly id: string | undefined;
  readonly requestId: string;
  readonly error: { readonly message: string; readonly code: string | null; readonly param: string | null };
}

interface WireAnswer {
  id?: string;
  conversation_id?: string;
  choices?: { index: number; message?: { content?: string }; delta?: { content?: string } }[];
  error?: Answered['error'];
}

const NO_ERROR: Answered['error'] = { message: '', code: null, param: null };

/** `POST …/chat/completions`, read to its end. */
export async function askChat(
  tollgate: Tollgate,
  body: Readonly<Record<string, unknown>>,
  { key = tollgate.key, base = '/v1', idempotencyKey, signal }: Asking = {},
): Promise<Answered> {
  const response = await fetch(`${tollgate.origin}${base}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const pieces = streamed ? eventsOf(text) : [JSON.parse(text) as WireAnswer];
  const last = pieces.at(-1);
  return {
    status: response.status,
    headers: response.headers,
    text,
    said: pieces.map(contentOf).join(''),
    conversationId: last?.conversation_id,
    id: last?.id,
    requestId: response.headers.get('x-request-id') ?? '',
    error: last?.error ?? NO_ERROR,
  };
}

/** The events of a stream before its `[DONE]`. */
function eventsOf(text: string): WireAnswer[] {
  const [before = ''] = text.split('data: [DONE]');
  return before
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => JSON.parse(frame.slice('data: '.length)) as WireAnswer);
}

function contentOf({ choices = [] }: WireAnswer): string {
  const first = choices.find(({ index }) => index === 0);
  return first?.message?.content ?? first?.delta?.content ?? '';
}
