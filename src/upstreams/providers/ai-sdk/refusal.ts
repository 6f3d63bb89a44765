import { rejectedRequest } from '../../upstream-failures.js';
import type { UpstreamError } from '../../upstream.errors.js';

/**
 * A request that the vendor's protocol cannot carry, found before anything was sent: another route may still take it.
 *
 * @param param the field at fault, as a path
 */
export function refusal(message: string, param: string): UpstreamError {
  return rejectedRequest(message, { param, safeToRetry: true });
}
