import { Injectable } from '@nestjs/common';

/** Beyond this many characters at once, tokens are estimated: counting must not hold up other requests. */
const MAX_COUNTED_CHARS = 400_000;

/** Average of English text; code and other scripts have fewer characters a token, so the estimate errs low for none. */
const CHARS_PER_TOKEN = 3;

/**
 * Counts tokens where an upstream reports none. The encoding (`o200k_base`) is that of OpenAI's current models and a
 * fair measure for others. It is loaded at first use: two megabytes that most processes never need.
 */
@Injectable()
export class TokenCounter {
  private encoding: Promise<(text: string) => number> | undefined;

  async count(texts: Iterable<string>): Promise<number> {
    this.encoding ??= load();
    const countTokens = await this.encoding;
    let total = 0;
    let countedChars = 0;
    for (const text of texts) {
      countedChars += text.length;
      total +=
        countedChars > MAX_COUNTED_CHARS ? Math.ceil(text.length / CHARS_PER_TOKEN) : countTokens(text);
    }
    return total;
  }
}

async function load(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  // Special tokens in user text are text: `<|endoftext|>` in a prompt must not throw.
  return (text) => countTokens(text, { disallowedSpecial: new Set() });
}
