import { hash } from 'node:crypto';

/** Our own UUIDs and `conv_…`: they begin with the time at which they were made (the years 2004 to 2074). */
const OURS =
  /^(?:0[12][0-9a-f]{6}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|conv_0[12][0-9a-f]{30})$/;

/**
 * What stands in indices for the id by which a client of an account knows a conversation. Pages of indices may keep
 * remnants of what was deleted, and a client's id may be somebody's name.
 *
 * Where the id tells when it was made the key begins with that time: keys of new conversations then go to the same page
 * of the index, in place of one page each.
 *
 * @returns base64url, 43 characters, perhaps after 12 hex digits
 */
export function conversationKey(accountId: string, clientId: string): string {
  const digest = hash('sha256', `${accountId}\n${clientId}`, 'base64url');
  return OURS.test(clientId) ? timeOf(clientId) + digest : digest;
}

function timeOf(ours: string): string {
  return ours.startsWith('conv_') ? ours.slice(5, 17) : ours.slice(0, 8) + ours.slice(9, 13);
}
