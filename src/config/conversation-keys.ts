import type { ConversationKey } from './app-config.js';

const NAME = /^[\w-]{1,64}$/;
/** 32 bytes. */
const BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/**
 * Reads `name:base64,older:base64`.
 * @returns the keys in their order; `undefined`: it is no such list, or a name or a key comes twice
 */
export function parseConversationKeys(text: string): ConversationKey[] | undefined {
  const keys = text.split(',').map((part) => {
    const [name = '', secret = '', ...more] = part.trim().split(':');
    return more.length === 0 && NAME.test(name) && BASE64.test(secret) ? { name, secret } : undefined;
  });
  const good = keys.filter((key) => key !== undefined);
  const names = new Set(good.map(({ name }) => name));
  const secrets = new Set(good.map(({ secret }) => secret));
  return names.size === keys.length && secrets.size === keys.length ? good : undefined;
}
