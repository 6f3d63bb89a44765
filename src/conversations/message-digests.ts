import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { digestOf, digestsOf } from './chain.js';

/** The digests of one request's messages and of what is stored before them: each is made once. */
export class MessageDigests {
  readonly #known = new Map<ChatMessage, string>();

  /** In order; others get their turn while they are made. */
  async read(messages: readonly ChatMessage[]): Promise<string[]> {
    const unknown = messages.filter((message) => !this.#known.has(message));
    const digests = await digestsOf(unknown);
    for (const [index, message] of unknown.entries()) this.#known.set(message, digests[index] as string);
    return messages.map((message) => this.of(message));
  }

  /** Of one that was read; any other is read at once, however long it is. */
  of(message: ChatMessage): string {
    const known = this.#known.get(message) ?? digestOf(message);
    this.#known.set(message, known);
    return known;
  }
}
