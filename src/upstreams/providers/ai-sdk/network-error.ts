import { UpstreamError } from '../../upstream.errors.js';

/** No connection came about, so nothing was sent. */
const NEVER_CONNECTED: readonly unknown[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

/**
 * What undici, zlib or the socket threw, as ours. The original, which names the host, is kept as the cause for the log.
 *
 * @param phase `request`: before the headers of an answer had come; `answer`: after
 */
export function toNetworkError(error: unknown, phase: 'request' | 'answer'): UpstreamError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (phase === 'answer') {
    return new UpstreamError('upstream_bad_response', "The model's provider broke off its answer.", {
      cause: error,
    });
  }
  return new UpstreamError('upstream_unavailable', "The model's provider cannot be reached at the moment.", {
    cause: error,
    safeToRetry: NEVER_CONNECTED.includes(code),
  });
}
