import { DomainError, type DomainErrorOptions } from '../common/errors/domain-error.js';
import type { ErrorCode } from '../common/errors/error-code.js';

export type UpstreamErrorCode = Extract<ErrorCode, `upstream_${string}` | 'context_length_exceeded'>;

export interface UpstreamErrorOptions extends DomainErrorOptions {
  /** HTTP status that the upstream sent, for logs and metrics. */
  upstreamStatus?: number | undefined;
  /** True when the upstream certainly did no work for us: another attempt cannot pay twice. */
  safeToRetry?: boolean;
  /** The operator must act: our key was refused, the account there is out of funds. */
  alert?: boolean;
}

/**
 * What an upstream did wrong, in words that are safe to show: never its body, host, or our key for it.
 * `upstream_rejected_request` and `context_length_exceeded` are the caller's own 400s; their sanitised text may pass.
 */
export class UpstreamError extends DomainError {
  declare readonly code: UpstreamErrorCode;
  readonly upstreamStatus: number | undefined;
  readonly safeToRetry: boolean;
  readonly alert: boolean;

  constructor(code: UpstreamErrorCode, message: string, options: UpstreamErrorOptions = {}) {
    super(code, message, options);
    this.upstreamStatus = options.upstreamStatus;
    this.safeToRetry = options.safeToRetry ?? false;
    this.alert = options.alert ?? false;
  }
}
