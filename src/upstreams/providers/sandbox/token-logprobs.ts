import type { TokenLogprob } from '../../../contracts/openai/chat-completion.js';
import { SeededRandom, type Seed } from './random.js';

export interface ScoredToken {
  readonly token: string;
  readonly logprob: number;
  /** Most probable first; `token` is among them when it would have been. At most 20. */
  readonly alternatives: readonly { readonly token: string; readonly logprob: number }[];
}

/**
 * Plausible log probabilities: the given tokens are mostly the likeliest, each alternative less likely than the last.
 * One at a time, and the same again for the same seed: twenty alternatives of each of 16,384 tokens are not kept, and
 * not made in one turn.
 *
 * @param stream as of `SeededRandom`; how many alternatives are asked for changes no token's own probability
 */
export function* scoreTokens(
  pieces: Iterable<string>,
  alternatives: number,
  seed: Seed,
  stream: number,
): Generator<ScoredToken> {
  const own = new SeededRandom(seed, stream);
  const others = new SeededRandom(seed, stream ^ ALTERNATIVES);
  for (const token of pieces) {
    const logprob = round(-0.01 - own.fraction() ** 3);
    const ranked = [{ token, logprob }];
    let worst = logprob;
    const first = others.below(VOCABULARY.length);
    for (let step = 0; ranked.length < alternatives; step += 1) {
      const other = VOCABULARY[(first + step) % VOCABULARY.length] as string;
      if (other === token) continue;
      worst = round(worst - 0.5 - others.fraction());
      ranked.push({ token: other, logprob: worst });
    }
    yield { token, logprob, alternatives: alternatives === 0 ? [] : ranked };
  }
}

const ALTERNATIVES = 0x4000_0000;

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

const VOCABULARY_BYTES = new Map(VOCABULARY.map((token) => [token, [...Buffer.from(token, 'utf8')]]));

function bytesOf(token: string): number[] {
  return VOCABULARY_BYTES.get(token) ?? [...Buffer.from(token, 'utf8')];
}

function round(logprob: number): number {
  return Math.round(logprob * 1e6) / 1e6;
}
