import { estimateTokens, MAX_COUNTED_CHARS, type TokenCounter } from '../billing/token-counter.js';

/** Pieces are a few characters each; as strings of their own they would cost several times their text. */
const PIECES_BEFORE_FOLDING = 256;

/**
 * The text of an answer as it goes by, kept only as long as it may have to be counted: what is longer than the counter
 * counts is estimated by its length, so an endless stream holds no memory.
 */
export class RelayedText {
  chars = 0;
  private folded = '';
  private pieces: string[] = [];

  add(piece: string): void {
    this.chars += piece.length;
    if (this.chars > MAX_COUNTED_CHARS) {
      this.folded = '';
      this.pieces = [];
      return;
    }
    this.pieces.push(piece);
    if (this.pieces.length === PIECES_BEFORE_FOLDING) this.fold();
  }

  /** Tokens of the whole text so far. */
  countTokens(counter: TokenCounter): Promise<number> {
    if (this.chars > MAX_COUNTED_CHARS) return Promise.resolve(estimateTokens(this.chars));
    this.fold();
    return counter.count([this.folded]);
  }

  private fold(): void {
    this.folded += this.pieces.join('');
    this.pieces = [];
  }
}
