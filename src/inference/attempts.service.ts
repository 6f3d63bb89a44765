import { Injectable } from '@nestjs/common';
import { catchError, defer, finalize, tap, throwError, type Observable } from 'rxjs';
import type { Route } from '../models/model.js';
import { LogService } from '../observability/log.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { LeasedUpstream } from '../upstreams/registered-upstream.js';
import { UpstreamRegistryService } from '../upstreams/upstream-registry.service.js';
import { upstreamAdvice, type UpstreamAdvice } from '../upstreams/upstream-advice.js';
import { UpstreamError } from '../upstreams/upstream.errors.js';
import type { UpstreamCall } from '../upstreams/upstream.port.js';
import { NoRouteError } from './inference.errors.js';
import type { InternalJob } from './job.js';
import type { OpenSettlement } from './open-settlement.js';
import { redactUpstreamError } from './redact-upstream-error.js';
import type { Reservation } from './reservation.service.js';

/** One upstream call, or several for one answer, and the upstream lent for it. */
interface Attempt<Body> extends Pick<LeasedUpstream, 'adapter' | 'release'> {
  readonly call: UpstreamCall<Body>;
}

/**
 * Calls upstreams, one route after the other, until one answers. The operator is told of every attempt that failed, also
 * of those that a fallback made good: the client is told little, and nothing of our credentials there. What only the
 * operator can fix (our key refused, our account empty) is an error in the log; the rest is the upstream's and a warning.
 */
@Injectable()
export class AttemptsService {
  constructor(
    private readonly upstreams: UpstreamRegistryService,
    private readonly log: LogService,
    private readonly metrics: MetricsService,
  ) {}

  /** @throws UpstreamError of the last attempt */
  async complete<Body extends { model: string }, Answer, Chunk>(
    job: InternalJob<Body, Answer, Chunk>,
    reservation: Reservation,
    settlement: OpenSettlement,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { endpoint, options } = job;
    let failure: unknown;
    for (const route of reservation.routes) {
      const calls = settlement.beginAttempt(route);
      let attempt: Attempt<Body> | undefined;
      try {
        attempt = this.attempt(job, reservation, route);
        const { adapter, call } = attempt;
        const answer = await endpoint.complete(adapter, call, reservation.model, signal, calls);
        options?.onUsage?.(endpoint.usageOfAnswer(answer));
        return answer;
      } catch (error) {
        options?.onFailure?.(error);
        failure = options?.redactUpstreamErrors === true ? redactUpstreamError(error) : error;
        if (signal.aborted) break;
        this.record(error, route, settlement);
        if (!mayFallBack(error)) break;
      } finally {
        attempt?.release();
      }
    }
    throw failure;
  }

  /** Cold. Falls back only before the first chunk. */
  stream<Body extends { model: string }, Answer, Chunk>(
    job: InternalJob<Body, Answer, Chunk>,
    reservation: Reservation,
    settlement: OpenSettlement,
    flow: FlowGate,
    position = 0,
  ): Observable<Chunk> {
    const route = reservation.routes[position];
    if (route === undefined) return throwError(() => new NoRouteError());
    const { endpoint, options } = job;
    const onUsage = options?.onUsage;
    return defer(() => {
      const calls = settlement.beginAttempt(route);
      let started = false;
      const chunks = defer(() => {
        const { adapter, call, release } = this.attempt(job, reservation, route);
        return endpoint.stream(adapter, call, reservation.model, flow, calls).pipe(finalize(release));
      });
      return chunks.pipe(
        tap((chunk) => {
          started = true;
          onUsage?.(endpoint.usageOfChunk(chunk));
        }),
        catchError((error: unknown) => {
          options?.onFailure?.(error);
          this.record(error, route, settlement);
          if (!started && mayFallBack(error) && position + 1 < reservation.routes.length) {
            return this.stream(job, reservation, settlement, flow, position + 1);
          }
          return throwError(() =>
            options?.redactUpstreamErrors === true ? redactUpstreamError(error) : error,
          );
        }),
      );
    });
  }

  private attempt<Body extends { model: string }>(
    { endpoint, body, context }: InternalJob<Body, unknown, unknown>,
    { model }: Reservation,
    route: Route,
  ): Attempt<Body> {
    const request = endpoint.forUpstream(body, model, route.upstreamModel);
    const { adapter, timeouts, release } = this.upstreams.lease(route.upstream);
    return { adapter, call: { requestId: context.requestId, request, timeouts }, release };
  }

  /** Never throws. What is no `UpstreamError` is our own bug, and is told where it ends. */
  private record(error: unknown, { upstream, upstreamModel }: Route, settlement: OpenSettlement): void {
    if (!(error instanceof UpstreamError)) return;
    const { code, upstreamStatus, alert } = error;
    settlement.attemptFailed({ upstream, upstreamModel, code, upstreamStatus });
    this.metrics.upstreamFailures.inc({ upstream, code });
    const fields = {
      request_id: settlement.reservation.metadata.requestId,
      upstream,
      upstream_model: upstreamModel,
      code,
      upstream_status: upstreamStatus,
      reason: reasonOf(error.cause),
      ...this.adviceOn(error, upstream),
    };
    if (alert) this.log.error(fields, 'the upstream refuses our account');
    else this.log.warn(fields, 'the upstream failed');
  }

  private adviceOn(error: UpstreamError, upstream: string): Partial<UpstreamAdvice> {
    const config = this.upstreams.list().find(({ config: { name } }) => name === upstream)?.config;
    return config === undefined ? {} : upstreamAdvice(config, '', error);
  }
}

/** Another route may do better, unless the caller's request is at fault or its time is used up. */
function mayFallBack(error: unknown): boolean {
  return (
    error instanceof UpstreamError &&
    error.code !== 'upstream_timeout' &&
    error.code !== 'upstream_rejected_request' &&
    error.code !== 'context_length_exceeded'
  );
}

/** A code where there is one: messages of parsers quote what they could not read. */
function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}
