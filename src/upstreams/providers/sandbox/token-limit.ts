import { TextFinder } from './find-text.js';
import { tokenize } from './tokenizer.js';

/** The tokens that one choice may still give; what is taken is what is billed. */
export class TokenBudget {
  private spent = 0;

  constructor(private readonly most: number) {}

  /** Tokens taken so far. */
  get used(): number {
    return this.spent;
  }

  get exhausted(): boolean {
    return this.spent >= this.most;
  }

  /** The tokens of `text` as far as the budget goes. */
  take(text: string): string[] {
    const pieces = tokenize(text, this.most - this.spent);
    this.spent += pieces.length;
    return pieces;
  }

  /** As `take`, and ends just before the first of `stops`; tokens from there on are neither given nor counted. */
  takeUntil(text: string, stops: readonly TextFinder[]): { pieces: string[]; stopped: boolean } {
    const within = tokenize(text, this.most - this.spent);
    const pieces = cutAtStop(within, stops);
    this.spent += pieces.length;
    return { pieces, stopped: pieces !== within };
  }
}

/** `stop` as a list, without the empty strings that stop nothing; once for all choices of a request. */
export function stopsOf(stop: string | readonly string[] | undefined): TextFinder[] {
  return [stop ?? []]
    .flat()
    .filter((text) => text !== '')
    .map((text) => new TextFinder(text));
}

function cutAtStop(pieces: string[], stops: readonly TextFinder[]): string[] {
  if (stops.length === 0) return pieces;
  const text = pieces.join('');
  const found = stops.map((stop) => stop.indexIn(text)).filter((index) => index >= 0);
  return found.length === 0 ? pieces : tokenize(text.slice(0, Math.min(...found)));
}
