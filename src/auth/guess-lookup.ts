/** Parameters of one statement. */
const MOST_AT_ONCE = 256;

interface Waiting<Found> {
  readonly hash: string;
  readonly resolve: (found: Found | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Look-ups for addresses that failed too often: one statement at a time answers all that wait. A right key is found
 * whoever else guesses from its address, and any number of guesses occupies one connection of the database.
 */
export class GuessLookup<Found> {
  private readonly waiting: Waiting<Found>[] = [];
  private running = false;

  constructor(private readonly findAll: (hashes: readonly string[]) => Promise<Map<string, Found>>) {}

  /** @throws what the look-up throws */
  find(hash: string): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ hash, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  /** Never rejects: each failure is told to those whose look-up it was. */
  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, MOST_AT_ONCE);
      try {
        const found = await this.findAll(batch.map(({ hash }) => hash));
        for (const { hash, resolve } of batch) resolve(found.get(hash));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.running = false;
  }
}
