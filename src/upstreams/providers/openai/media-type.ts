import type { IncomingHttpHeaders } from 'node:http';

/** `content-type` without its parameters, in lower case; empty where there is none. */
export function mediaType(headers: IncomingHttpHeaders): string {
  return String(headers['content-type'] ?? '')
    .split(';')[0]!
    .trim()
    .toLowerCase();
}

export function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}
