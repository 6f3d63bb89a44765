import type { ChatMessage } from '../contracts/openai/chat-completion.js';

/**
 * Which exchange each message belongs to, for messages that were put in by hand: what a user says opens one, unless
 * somebody just said something as a user.
 *
 * @param turnCount exchanges that there are before them
 * @param before whose the last message before them is; `undefined`: there is none
 * @returns numbers from 1, one a message
 */
export function turnNumbers(
  messages: readonly Pick<ChatMessage, 'role'>[],
  turnCount: number,
  before: string | undefined,
): number[] {
  let turn = turnCount;
  let last = before;
  return messages.map(({ role }) => {
    if (last === undefined || (role === 'user' && last !== 'user')) turn += 1;
    last = role;
    return turn;
  });
}
