/** Keeps text in whole code points: a piece that ends in half of one is given on with the piece that completes it. */
export class CodePointJoiner {
  private half = '';

  take(piece: string): string {
    const text = this.half === '' ? piece : this.half + piece;
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.half = text.slice(-1);
      return text.slice(0, -1);
    }
    this.half = '';
    return text;
  }
}
