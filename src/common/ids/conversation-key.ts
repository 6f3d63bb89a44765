import { hash } from 'node:crypto';

/**
 * What stands in indices for the id by which a client of an account knows a conversation. Pages of indices may keep
 * remnants of what was deleted, and a client's id may be somebody's name.
 *
 * @returns base64url, 43 characters
 */
export function conversationKey(accountId: string, clientId: string): string {
  return hash('sha256', `${accountId}\n${clientId}`, 'base64url');
}
