import { hash } from 'node:crypto';
import type { ConversationScope } from './conversation.js';

/**
 * The name that a turn holds its conversation by while it runs: one open hold of an account has it. The same before
 * and after the conversation is stored, so a digest of what identifies it, not its row's id.
 */
export function exclusiveNameOf({
  chatbotId = '',
  clientId,
}: Pick<ConversationScope, 'chatbotId' | 'clientId'>): string {
  return `conversation:${hash('sha256', `${chatbotId}\n${clientId}`, 'base64url')}`;
}
