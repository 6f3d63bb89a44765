import { createHmac } from 'node:crypto';

/**
 * Value of the header `tollgate-signature`: proves that who sent the body knows the secret, and when it was sent.
 *
 * @param timestampSeconds Unix time of this attempt; receivers refuse old ones
 * @returns `t=<timestamp>,v1=<hex HMAC-SHA256 of "<timestamp>.<body>">`
 */
export function sign(secret: string, timestampSeconds: number, body: string): string {
  const mac = createHmac('sha256', secret).update(`${timestampSeconds}.${body}`).digest('hex');
  return `t=${timestampSeconds},v1=${mac}`;
}
