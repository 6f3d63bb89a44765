import type { ErrorCode } from './error-code.js';

export interface DomainErrorOptions {
  /** Kept for logs, never shown to a client. */
  cause?: unknown;
  /** The request field at fault, as a path (`messages[0].role`). */
  param?: string | undefined;
  /** When another try may succeed, in milliseconds from now; becomes `retry-after` and `retry-after-ms`. */
  retryAfterMs?: number | undefined;
}

/**
 * A failure with a stable code and a message that is safe to show to the caller: no key, prompt, SQL, host or upstream
 * body may stand in `message`. Knows no HTTP; `surfaces/error-table.ts` does.
 */
export class DomainError extends Error {
  readonly param: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.param = options.param;
    this.retryAfterMs = options.retryAfterMs;
  }
}
