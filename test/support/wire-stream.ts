import { expect } from '@jest/globals';

/** One chunk of a stream, as far as tests look into it. */
export interface WireChunk {
  id: string;
  object: string;
  created: number;
  model: string;
  system_fingerprint?: string;
  choices: {
    index: number;
    delta?: Record<string, unknown>;
    text?: string;
    finish_reason: string | null;
    logprobs?: unknown;
  }[];
  usage?: Record<string, unknown> | null;
}

export interface WireStream {
  /** Chunks before `[DONE]`. */
  readonly chunks: WireChunk[];
  /** Everything after `[DONE]`. */
  readonly trailers: WireChunk[];
}

/** Reads a complete stream, which must be nothing but `data: …\n\n` events, comments of a slow moment, and one `[DONE]`. */
export async function readStream(response: Response): Promise<WireStream> {
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const text = await response.text();
  expect(text).toMatch(/^(?:(?:data: |: )[^\r\n]+\n\n)+$/);
  const events = text
    .split('\n\n')
    .slice(0, -1)
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length));
  expect(events.filter((event) => event === '[DONE]')).toHaveLength(1);
  const done = events.indexOf('[DONE]');
  return { chunks: events.slice(0, done).map(toChunk), trailers: events.slice(done + 1).map(toChunk) };
}

function toChunk(event: string): WireChunk {
  return JSON.parse(event) as WireChunk;
}
