import type { UpstreamConfig } from '../config/app-config.js';
import type { UpstreamTimeouts } from '../contracts/upstream-timeouts.js';
import type { UpstreamAdapter } from './upstream.port.js';

/** An upstream in the hands of one attempt. */
export interface LeasedUpstream {
  readonly adapter: UpstreamAdapter;
  readonly timeouts: UpstreamTimeouts;
  /** The attempt has ended, with every call that it made. */
  readonly release: () => void;
}

/** A configured upstream, the adapter that speaks to it, and the attempts that use it. */
export class RegisteredUpstream {
  private leases = 0;
  private onUnused: (() => void) | undefined;

  constructor(
    readonly config: UpstreamConfig,
    readonly adapter: UpstreamAdapter,
  ) {}

  /** For one attempt, which may be several calls: until it is released, a reload leaves the adapter open. */
  lease(): LeasedUpstream {
    const { adapter, config } = this;
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.leases -= 1;
      if (this.leases === 0) this.onUnused?.();
    };
    this.leases += 1;
    return { adapter, timeouts: config.timeouts, release };
  }

  /** Closes the adapter as soon as no attempt uses it. Lease no more. */
  async retire(): Promise<void> {
    if (this.leases > 0) {
      await new Promise<void>((resolve) => {
        this.onUnused = resolve;
      });
    }
    await this.adapter.close?.();
  }
}
