import { Injectable } from '@nestjs/common';
import type { Route } from '../models/model.js';
import { LogService } from '../observability/log.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import type { OpenAnswer } from './closing.js';
import { upstreamAdvice, type UpstreamAdvice } from '../upstreams/upstream-advice.js';
import { UpstreamRegistryService } from '../upstreams/upstream-registry.service.js';
import { UpstreamError } from '../upstreams/upstream.errors.js';

/**
 * Tells the operator of every attempt that failed, also of those that a fallback made good: the client is told little,
 * and nothing of our credentials there. What only the operator can mend (our key refused, our account empty) is an
 * error in the log; the rest is the upstream's and a warning.
 */
@Injectable()
export class AttemptFailures {
  constructor(
    private readonly log: LogService,
    private readonly metrics: MetricsService,
    private readonly upstreams: UpstreamRegistryService,
  ) {}

  /** Never throws. What is no `UpstreamError` is our own bug, and is told where it ends. */
  record(error: unknown, route: Route, answer: OpenAnswer): void {
    if (!(error instanceof UpstreamError)) return;
    const { code, upstreamStatus, alert } = error;
    const { upstream, upstreamModel } = route;
    answer.failedAttempts.push({ upstream, upstreamModel, code, upstreamStatus });
    this.metrics.upstreamFailures.inc({ upstream: route.upstream, code });
    const fields = {
      request_id: answer.admission.caller.requestId,
      upstream: route.upstream,
      upstream_model: route.upstreamModel,
      code,
      upstream_status: upstreamStatus,
      reason: reasonOf(error.cause),
      ...this.adviceOn(error, route),
    };
    if (alert) this.log.error(fields, 'the upstream refuses our account');
    else this.log.warn(fields, 'the upstream failed');
  }

  private adviceOn(error: UpstreamError, { upstream }: Route): Partial<UpstreamAdvice> {
    const config = this.upstreams.list().find(({ config: { name } }) => name === upstream)?.config;
    return config === undefined ? {} : upstreamAdvice(config, '', error);
  }
}

/** A code where there is one: messages of parsers quote what they could not read. */
function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}
