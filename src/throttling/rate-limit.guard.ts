import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
} from '@nestjs/throttler';
import type { Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { putRateHeaders } from './rate-headers.js';
import { RequestBucketsService } from './request-buckets.service.js';
import { TokenLimiterService } from './token-limiter.service.js';

const MINUTE_MS = 60_000;

/**
 * Requests a minute by API key. POST requests of all surfaces share one bucket a key, all others another, so no
 * spelling of a path buys more; addresses do not count, the key is who calls.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @InjectThrottlerStorage() private readonly requests: RequestBucketsService,
    reflector: Reflector,
    private readonly tokens: TokenLimiterService,
  ) {
    super(options, requests, reflector);
  }

  /**
   * Only routes with an API key are limited by key; the auth guard has let nobody else this far. In place of the
   * package's own way here, which asks the metadata of every handler for limits that stand in the key (ADR 0029).
   */
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<TollgateRequest>();
    const { principal } = request;
    if (principal === undefined) return true;

    const response = http.getResponse<Response>();
    const limit = principal.requestsPerMinute;
    const bucket = request.method === 'POST' ? 'post' : 'others';
    const { decision } = await this.requests.increment(`${bucket}:${principal.keyId}`, MINUTE_MS, limit);
    putRateHeaders(response, 'requests', limit, decision);
    putRateHeaders(response, 'tokens', principal.tokensPerMinute, this.tokens.peek(principal));
    if (decision.allowed) return true;

    const seconds = Math.ceil(decision.retryAfterMs / 1000);
    throw new DomainError(
      'request_rate_limited',
      `Rate limit reached on requests per min (RPM): Limit ${limit}, Used ${limit - decision.remaining}, Requested 1. Please try again in ${seconds}s.`,
      { retryAfterMs: decision.retryAfterMs },
    );
  }
}
