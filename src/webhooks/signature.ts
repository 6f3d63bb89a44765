import { createHmac } from 'node:crypto';

/** What stands before a secret that is base64, by the custom of Standard Webhooks. */
const PREFIX = 'whsec_';

/** A secret as it is written in the configuration: `whsec_` and base64, or any other text, whose bytes it is. */
export function secretBytes(secret: string): Buffer {
  return secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}

/**
 * Headers that prove that who sent an event knows the secret, and when it was sent.
 *
 * - `webhook-id`, `webhook-timestamp`, `webhook-signature`: `v1,` and the base64 HMAC-SHA256 of `<id>.<timestamp>.<body>`
 * - `tollgate-event-id`, `tollgate-signature`: the same in the form that was ours before,
 *   `t=<timestamp>,v1=<hex HMAC-SHA256 of "<timestamp>.<body>">`
 *
 * @param timestampSeconds Unix time of this attempt; receivers refuse old ones
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (read 2026-12)
 */
export function signatureHeaders(
  secret: string,
  id: string,
  timestampSeconds: number,
  body: string,
): Record<string, string> {
  const standard = createHmac('sha256', secretBytes(secret)).update(`${id}.${timestampSeconds}.${body}`);
  const former = createHmac('sha256', secret).update(`${timestampSeconds}.${body}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': `v1,${standard.digest('base64')}`,
    'tollgate-event-id': id,
    'tollgate-signature': `t=${timestampSeconds},v1=${former.digest('hex')}`,
  };
}
