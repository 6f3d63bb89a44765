/**
 * Carries backpressure against the direction of an Observable: the edge closes the gate when the client's socket is
 * full, the adapter waits at it before reading more from the upstream. One gate a stream.
 */
export class FlowGate {
  private opened: Promise<void> | undefined;
  private release: (() => void) | undefined;
  private paused: Promise<void> | undefined;

  /** True while the reader must wait. */
  get closed(): boolean {
    return this.opened !== undefined || this.paused !== undefined;
  }

  close(): void {
    this.opened ??= new Promise((resolve) => {
      this.release = resolve;
    });
  }

  open(): void {
    this.release?.();
    this.opened = undefined;
    this.release = undefined;
  }

  /** Keeps the reader waiting also where the edge opens the gate meanwhile. @param settled never rejects */
  closeUntil(settled: Promise<void>): void {
    const paused = settled.then(() => {
      if (this.paused === paused) this.paused = undefined;
    });
    this.paused = paused;
  }

  /** Resolves when the gate is open. Check `closed` first on a hot path: an await costs a turn of the microtask queue. */
  async passage(): Promise<void> {
    while (this.closed) await (this.opened ?? this.paused);
  }
}
