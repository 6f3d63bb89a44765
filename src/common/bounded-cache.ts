/**
 * A map within a bound; what was put longest ago makes room. For what is read anew every few seconds: what is in use is
 * then put often, so that looking something up need not move it.
 */
export class BoundedCache<Value> {
  private readonly entries = new Map<string, { readonly value: Value; readonly cost: number }>();
  private cost = 0;

  /**
   * @param most cost of all that is kept
   * @param costOf by default each value costs 1
   */
  constructor(
    private readonly most: number,
    private readonly costOf: (value: Value) => number = () => 1,
  ) {}

  get(key: string): Value | undefined {
    return this.entries.get(key)?.value;
  }

  /** Keeps it as the newest; not at all where it alone costs more than the bound. */
  set(key: string, value: Value): void {
    this.delete(key);
    const cost = this.costOf(value);
    this.entries.set(key, { value, cost });
    this.cost += cost;
    for (const oldest of this.entries.keys()) {
      if (this.cost <= this.most) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.cost -= entry.cost;
  }

  deleteWhere(matches: (value: Value) => boolean): void {
    for (const [key, { value }] of this.entries) if (matches(value)) this.delete(key);
  }
}
