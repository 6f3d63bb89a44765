import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** `sk-tg-` + 43 base64url characters: 256 random bits. */
export function newApiKeySecret(): string {
  return `sk-tg-${randomBytes(32).toString('base64url')}`;
}

/** `admin-tg-` + 43 base64url characters. */
export function newAdminSecret(): string {
  return `admin-tg-${randomBytes(32).toString('base64url')}`;
}

/**
 * SHA-256 in hex, all that is ever stored of a secret. A slow hash would add nothing: 256 random bits cannot be
 * guessed, and a lookup by hash takes the same time whatever the secret shares with a real one.
 */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/** What a person may see of a stored key. */
export function displayPrefix(secret: string): string {
  return secret.slice(0, 10);
}

/** Compares two hashes of equal length in constant time. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
