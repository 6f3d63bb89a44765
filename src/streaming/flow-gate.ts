/**
 * Carries backpressure against the direction of an Observable: the edge closes the gate when the client's socket is
 * full, the adapter waits at it before reading more from the upstream. One gate a stream.
 */
export class FlowGate {
  private opened: Promise<void> | undefined;
  private release: (() => void) | undefined;

  /** True while the reader must wait. */
  get closed(): boolean {
    return this.opened !== undefined;
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

  /** Resolves when the gate is open. Check `closed` first on a hot path: an await costs a turn of the microtask queue. */
  async passage(): Promise<void> {
    while (this.opened !== undefined) await this.opened;
  }
}
