import { describe, expect, it } from '@jest/globals';
import { displayPrefix, hashSecret, newAdminSecret, newApiKeySecret, sameHash } from './secret.js';

describe('secrets', () => {
  it.each([
    ['API keys', newApiKeySecret, /^sk-tg-[A-Za-z0-9_-]{43}$/],
    ['admin keys', newAdminSecret, /^admin-tg-[A-Za-z0-9_-]{43}$/],
  ])('%s have 256 random bits and are never made twice', (_name, make, form) => {
    const secrets = Array.from({ length: 1_000 }, make);
    for (const secret of secrets) expect(secret).toMatch(form);
    expect(new Set(secrets).size).toBe(1_000);
  });

  it('S7: the whole secret counts, so that no two share a hash', () => {
    const secret = newApiKeySecret();
    const near = [secret.slice(0, -1), `${secret}=`, `${secret} `, secret.toLowerCase(), `\0${secret}`];
    expect(new Set([secret, ...near].map(hashSecret)).size).toBe(1 + near.length);
    expect(hashSecret(secret)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('what people see of a key leaves at least 228 bits to guess', () => {
    expect(displayPrefix('sk-tg-0123456789')).toBe('sk-tg-0123');
  });

  it('compares hashes', () => {
    expect(sameHash(hashSecret('a'), hashSecret('a'))).toBe(true);
    expect(sameHash(hashSecret('a'), hashSecret('b'))).toBe(false);
    expect(sameHash(hashSecret('a'), '')).toBe(false);
  });
});
