import { expect } from '@jest/globals';
import type { WireSurface } from './wire-surfaces.js';

export interface WireErrorObject {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

export interface WireFailure {
  error: WireErrorObject;
  detail?: unknown;
}

/** What a test expects of the error object; texts may be patterns (`expect.stringMatching`). */
export type ExpectedError = { [Key in keyof WireErrorObject]?: unknown };

/**
 * Holds a failed answer to everything that its dialect promises of any failure: JSON that nobody caches and any origin
 * may read, an `error` of exactly four keys, `detail` beside it (none on Q, the message on W and L, the list of a 422),
 * and the headers that belong to its status.
 *
 * @returns the body, for what is special about it
 */
export async function expectFailure(
  response: Response,
  { name }: Pick<WireSurface, 'name'>,
  status: number,
  error: ExpectedError = {},
): Promise<WireFailure> {
  const text = await response.text();
  expect({ status: response.status, body: text }).toEqual({ status, body: text });
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer');
  const inVain = status === 429 && response.headers.get('x-should-retry') === 'false';
  if (inVain) expect(response.headers.get('retry-after')).toBeNull();
  else if (status === 429 || status === 503) {
    // openai-node ignores more than 60 s.
    expect(response.headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/);
  }
  if (status === 504) expect(response.headers.get('x-should-retry')).toBe('false');

  const body = JSON.parse(text) as WireFailure;
  expect(Object.keys(body).toSorted()).toEqual(name === 'Q' ? ['error'] : ['detail', 'error']);
  expect(Object.keys(body.error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
  expect(body.error).toMatchObject({ message: expect.any(String), type: expect.any(String), ...error });
  if (status === 422) expect(body.detail).toEqual(expect.arrayContaining([expect.any(Object)]));
  else if (name !== 'Q') expect(body.detail).toBe(body.error.message);
  return body;
}
