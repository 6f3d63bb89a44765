import type { RequestHandler } from 'express';
import { creditsNumber } from '../common/money/wire-amounts.js';
import type { BlockWatchService } from '../observability/block-watch.service.js';
import { loggedPath } from '../observability/logged-path.js';
import type { LogService } from '../observability/log.service.js';
import type { MetricsService } from '../observability/metrics.service.js';
import type { ChargedAnswer, TollgateRequest } from './tollgate-request.js';

/**
 * One line and one count a request, when its response is over. The path is logged without its query. What machines ask
 * every few seconds is told at `debug` only.
 */
export function accessLog(
  log: LogService,
  metrics: MetricsService,
  watch: BlockWatchService,
): RequestHandler {
  return (incoming, response, next) => {
    const request = incoming as unknown as TollgateRequest;
    metrics.openResponses.inc();
    const slot = watch.begin(request);
    response.once('close', () => {
      const durationMs = performance.now() - request.arrivedAtMs;
      // A client that left before any answer is told apart from everything that we answered.
      const status = response.headersSent ? response.statusCode : 499;
      const surface = request.surface.name;
      metrics.openResponses.dec();
      watch.end(request, slot);
      metrics.requests.inc({ surface, method: request.method, status });
      metrics.requestSeconds.observe({ surface }, durationMs / 1000);
      const fields = {
        request_id: request.requestId,
        client_request_id: request.clientRequestId,
        method: request.method,
        path: loggedPath(request.path),
        status,
        failure: request.failureCode,
        account_id: request.principal?.accountId,
        key_id: request.principal?.keyId,
        ...(request.charged && chargedFields(request.charged)),
        duration_ms: Math.round(durationMs),
      };
      if (isProbe(request.path)) log.debug(fields, 'request');
      else log.info(fields, 'request');
    });
    next();
  };
}

function chargedFields({ usage, bill, upstream }: ChargedAnswer): object {
  return {
    model: bill.model,
    upstream,
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    credits: creditsNumber(bill.creditHundredths),
  };
}

function isProbe(path: string): boolean {
  return path.startsWith('/health/') || path === '/metrics';
}
