/** Lets so many bytes be worked on at a time, in order of arrival; more than that alone. */
export class ByteGate {
  private inside = 0;
  private readonly waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(private readonly most: number) {}

  /** @throws what the work throws */
  async during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.waiting.length > 0 || !this.fits(bytes)) {
      await new Promise<void>((enter) => {
        this.waiting.push({ bytes, enter });
      });
    } else {
      this.inside += bytes;
    }
    try {
      return await work();
    } finally {
      this.inside -= bytes;
      this.admit();
    }
  }

  private admit(): void {
    for (let next = this.waiting[0]; next !== undefined && this.fits(next.bytes); [next] = this.waiting) {
      this.waiting.shift();
      this.inside += next.bytes;
      next.enter();
    }
  }

  private fits(bytes: number): boolean {
    return this.inside === 0 || this.inside + bytes <= this.most;
  }
}
