import { Pool } from 'undici';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import type { WebhookConfig } from '../config/app-config.js';
import type { ClaimedEvent } from './outbox.repository.js';
import { signatureHeaders } from './signature.js';

export type SendResult =
  | { readonly delivered: true }
  /** A status or an error code: what a receiver writes is not repeated anywhere. */
  | { readonly delivered: false; readonly failure: string };

/** Nobody reads a receiver's answer; so much of it is taken to keep the connection. */
const ANSWER_BYTES = 16_384;

/**
 * Posts events to the operator's receiver, over a few connections that are kept. Follows no redirect: the body and its
 * signature are for the address that was configured and no other.
 */
export class WebhookSender {
  private readonly pool: Pool;
  private readonly path: string;

  constructor(
    private readonly webhooks: WebhookConfig,
    private readonly attemptMs: number,
    connections: number,
  ) {
    const { origin, pathname, search } = new URL(webhooks.url);
    this.path = `${pathname}${search}`;
    // 0: off. One deadline covers all of an attempt.
    this.pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  }

  /**
   * One attempt. Any 2xx is a delivery, everything else is none.
   *
   * @param nowMs wall clock, for the signature
   */
  async send({ id, body }: ClaimedEvent, nowMs: number, cut: AbortSignal): Promise<SendResult> {
    const signal = AbortSignal.any([cut, AbortSignal.timeout(this.attemptMs)]);
    try {
      const response = await this.pool.request({
        method: 'POST',
        path: this.path,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Tollgate',
          ...signatureHeaders(this.webhooks.secret, id, unixSeconds(nowMs), body),
        },
        body,
        signal,
      });
      // The status says it all; a receiver that breaks off or dawdles after it has the event nonetheless.
      await response.body.dump({ limit: ANSWER_BYTES, signal }).catch(() => undefined);
      const { statusCode } = response;
      return statusCode >= 200 && statusCode < 300
        ? { delivered: true }
        : { delivered: false, failure: `status ${statusCode}` };
    } catch (error) {
      return { delivered: false, failure: nameOf(error) };
    }
  }

  /** Closes every connection now. */
  close(): Promise<void> {
    return this.pool.destroy();
  }
}

/** An error's code, else its name. */
function nameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'unknown';
}
