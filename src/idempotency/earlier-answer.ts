import type { Observable } from 'rxjs';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { ReplayLease } from './replay-memory.js';

/** An answer that is being given to somebody else at this moment. */
export interface AttachedAnswer {
  readonly conversationId: string | undefined;
  /** The frames of a stream from its beginning, no faster than the gate lets them. Errors as the first one did. */
  frames(gate: FlowGate): Observable<string>;
  /** The JSON text of a whole answer; its bytes are shared by all. Rejects as the first one did. */
  whole(): Promise<Buffer>;
}

/** An answer that was given before, read back for one who asked again: JSON text or frames. */
export class KeptAnswer {
  constructor(
    readonly conversationId: string | undefined,
    private readonly lease: ReplayLease,
  ) {}

  /** Shared by all who are given them. */
  get bytes(): Buffer {
    return this.lease.bytes;
  }

  /** Says that it was sent, or that nobody wants it any more. */
  release(): void {
    this.lease.release();
  }
}
