import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { collectTexts, TOKENS_PER_MEDIA_PART } from '../../contracts/openai/message-texts.js';
import type { StoredMessage } from '../../conversations/conversation.js';
import {
  countedTokens,
  framingTokens,
  uncountedPromptTokens,
  type CountsTokens,
  type PromptMeasure,
} from '../../inference/prompt.js';

/** Counts that are remembered: some hundred bytes each. */
const MOST_REMEMBERED = 32_768;

/** Shorter texts are counted sooner than looked up. */
const LEAST_REMEMBERED_CHARS = 512;

/** Counted between two turns of the event loop, over all calls: `TokenCounter` minds only what one call counts. */
const CHARS_PER_TURN = 8_192;

/** Exact token counts of messages and prompts, each counted once as long as it is remembered. */
export class TokenTally {
  private readonly remembered = new Map<string, number>();
  private charsOfTurn = 0;

  constructor(
    private readonly counter: CountsTokens,
    private readonly mostRemembered = MOST_REMEMBERED,
  ) {}

  /** With the framing of a message. */
  ofStored({ id, bytes, message }: StoredMessage): Promise<number> {
    // A message of which a part was erased keeps its id.
    return this.remember(`${id} ${bytes}`, () => this.ofMessage(message));
  }

  /** With the framing of a message. */
  async ofMessage(message: ChatMessage): Promise<number> {
    const texts: string[] = [];
    const mediaParts = collectTexts(message, texts);
    return (await this.ofTexts(texts)) + mediaParts * TOKENS_PER_MEDIA_PART + framingTokens(message);
  }

  /** Texts of some length, such as prompts and tools, are the same in many requests. */
  async ofPrompt(prompt: PromptMeasure): Promise<number> {
    return (
      (await countedTokens(prompt, { count: (texts) => this.ofEach(texts) })) + uncountedPromptTokens(prompt)
    );
  }

  private async ofEach(texts: Iterable<string>): Promise<number> {
    let tokens = 0;
    for (const text of texts) {
      tokens +=
        text.length < LEAST_REMEMBERED_CHARS
          ? await this.ofTexts([text])
          : await this.remember(hash('sha256', text, 'base64url'), () => this.ofTexts([text]));
    }
    return tokens;
  }

  private async remember(key: string, count: () => Promise<number>): Promise<number> {
    const known = this.remembered.get(key);
    const tokens = known ?? (await count());
    // To the end of the map, whose first entry is the one that was not asked for the longest.
    this.remembered.delete(key);
    this.remembered.set(key, tokens);
    if (this.remembered.size > this.mostRemembered) {
      for (const oldest of this.remembered.keys()) {
        this.remembered.delete(oldest);
        break;
      }
    }
    return tokens;
  }

  private async ofTexts(texts: readonly string[]): Promise<number> {
    for (const { length } of texts) this.charsOfTurn += length;
    if (this.charsOfTurn >= CHARS_PER_TURN) {
      this.charsOfTurn = 0;
      await nextTurn();
    }
    return this.counter.count(texts);
  }
}

/** A number that `TokenTally.ofStored` does not exceed. */
export function storedTokensAtMost({ bytes, message }: StoredMessage): number {
  return bytes + framingTokens(message);
}
