import { badResponse } from '../../upstream-failures.js';

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws UpstreamError upstream_bad_response */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8 quotes the text in its message: it must not go further.
    throw badResponse('not JSON');
  }
}

/** @throws UpstreamError upstream_bad_response */
export function objectOf(value: unknown, name: string): JsonObject {
  if (!isObject(value)) throw badResponse(`${name} is not an object`);
  return value;
}

/** `{"error": …}`, or vLLM's older `{"object": "error", …}`. */
export function isErrorObject(value: JsonObject): boolean {
  return (value.error !== undefined && value.error !== null) || value.object === 'error';
}

/** A small whole number, as a choice's `index` is; `otherwise` where it is not one. */
export function indexOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 10_000
    ? value
    : otherwise;
}

export function stringOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise;
}

/** Repeated in every chunk of a stream, so an upstream may not make it long. */
const MAX_SHORT_CHARS = 256;

/** A word on the whole answer, such as a fingerprint; `undefined` for anything else. */
export function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MAX_SHORT_CHARS ? value : undefined;
}
