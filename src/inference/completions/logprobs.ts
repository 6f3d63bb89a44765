import type { ChoiceLogprobs, TokenLogprob } from '../../contracts/openai/chat-completion.js';
import type { CompletionLogprobs } from '../../contracts/openai/completion.js';

/**
 * Turns chat log probabilities into the four parallel arrays of legacy completions. Stateful: one instance a choice,
 * fed with its tokens in order.
 *
 * Offsets count code points of prompt + completion, echoed or not. `top_logprobs` always has the token itself, so it
 * has up to one entry more than was asked for.
 * @see openai-openapi 2.3.0, CreateCompletionRequest.logprobs
 */
export class LogprobsConverter {
  /** @param offset where the completion begins: the code points of its prompt */
  constructor(private offset: number) {}

  convert(tokens: readonly TokenLogprob[]): CompletionLogprobs {
    const converted = noLogprobs();
    for (const token of tokens) {
      const { token: text, logprob, top_logprobs: alternatives } = token;
      const top = [{ token: text, logprob }, ...alternatives];
      converted.tokens.push(text);
      converted.token_logprobs.push(logprob);
      converted.top_logprobs.push(Object.fromEntries(top.map((each) => [each.token, each.logprob])));
      converted.text_offset.push(this.pass(token));
    }
    return converted;
  }

  /** Text whose tokens the upstream did not give. */
  skip(text: string): void {
    this.offset += codePoints(text);
  }

  /** @returns where the token begins; one that goes on within a character begins where that character does */
  private pass({ token, bytes }: TokenLogprob): number {
    const startsWithin = bytes?.[0] !== undefined && isContinuation(bytes[0]);
    const start = startsWithin ? this.offset - 1 : this.offset;
    this.offset += bytes === null ? codePoints(token) : bytes.filter((byte) => !isContinuation(byte)).length;
    return start;
  }
}

/** The four arrays without a token in them. */
export function noLogprobs(): CompletionLogprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
}

/** Tokens of what a choice says as text; a choice that only refuses has them beside the content's. */
export function tokensOf(logprobs: ChoiceLogprobs | null | undefined): readonly TokenLogprob[] | undefined {
  const { content = null, refusal = null } = logprobs ?? {};
  return (content?.length ? content : (refusal ?? content)) ?? undefined;
}

/** How probable an answer is, whatever its length; `undefined` where the upstream did not say. */
export function meanLogprob(logprobs: ChoiceLogprobs | null): number | undefined {
  const tokens = tokensOf(logprobs);
  if (tokens === undefined || tokens.length === 0) return undefined;
  return tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length;
}

/** Length of a text in the unit of offsets. */
export function codePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count += 1) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** Of UTF-8: a byte that does not begin a character. */
function isContinuation(byte: number): boolean {
  return (byte & 0b1100_0000) === 0b1000_0000;
}
