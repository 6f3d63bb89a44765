import type { TokenLogprob } from '../../../contracts/openai/chat-completion.js';
import type { SeededRandom } from './random.js';

export interface ScoredToken {
  readonly token: string;
  readonly logprob: number;
  /** Most probable first; `token` is among them when it would have been. At most 20. */
  readonly alternatives: readonly { readonly token: string; readonly logprob: number }[];
}

/** Plausible log probabilities: the given tokens are mostly the likeliest, each alternative less likely than the last. */
export function scoreTokens(
  pieces: readonly string[],
  alternatives: number,
  random: SeededRandom,
): ScoredToken[] {
  return pieces.map((token) => {
    const logprob = round(-0.01 - random.fraction() ** 3);
    const ranked = [{ token, logprob }];
    const first = random.below(VOCABULARY.length);
    for (let step = 0; ranked.length < alternatives; step += 1) {
      const other = VOCABULARY[(first + step) % VOCABULARY.length] as string;
      const worse = (ranked.at(-1)?.logprob ?? logprob) - 0.5 - random.fraction();
      if (other !== token) ranked.push({ token: other, logprob: round(worse) });
    }
    return { token, logprob, alternatives: ranked.slice(0, alternatives) };
  });
}

/** The wire shape of chat; `bytes` is the token in UTF-8. */
export function toTokenLogprob({ token, logprob, alternatives }: ScoredToken): TokenLogprob {
  return {
    token,
    logprob,
    bytes: bytesOf(token),
    top_logprobs: alternatives.map((other) => ({ ...other, bytes: bytesOf(other.token) })),
  };
}

const VOCABULARY =
  ' the, a, of, to, and, in, is, it, that, for, on, with, as, was, at, by, this, from, or, an, be, are, not, but'.split(
    ',',
  );

function bytesOf(token: string): number[] {
  return [...Buffer.from(token, 'utf8')];
}

function round(logprob: number): number {
  return Math.round(logprob * 1e6) / 1e6;
}
