import type { ChatMessage } from '../contracts/openai/chat-completion.js';

/**
 * Which exchange each message belongs to, for messages that were put in by hand: what a user says opens one, unless
 * somebody just said something as a user.
 *
 * @param turnCount exchanges that there are before them
 * @returns numbers from 1, one a message
 */
export function turnNumbers(messages: readonly Pick<ChatMessage, 'role'>[], turnCount: number): number[] {
  let turn = turnCount;
  let before: ChatMessage['role'] | undefined;
  return messages.map(({ role }) => {
    if (before === undefined || (role === 'user' && before !== 'user')) turn += 1;
    before = role;
    return turn;
  });
}
