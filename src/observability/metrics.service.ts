import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What Prometheus can ask of this process. Labels are our own few words, never a caller's text. */
@Injectable()
export class MetricsService {
  readonly registry = new Registry();

  readonly requests = new Counter({
    name: 'tollgate_requests_total',
    help: 'Answered requests',
    labelNames: ['surface', 'method', 'status'],
    registers: [this.registry],
  });
  readonly requestSeconds = new Histogram({
    name: 'tollgate_request_duration_seconds',
    help: 'From arrival to the last byte',
    labelNames: ['surface'],
    buckets: [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 60, 180],
    registers: [this.registry],
  });
  readonly openResponses = new Gauge({
    name: 'tollgate_open_responses',
    help: 'Requests that have no complete answer yet',
    registers: [this.registry],
  });
  readonly upstreamFailures = new Counter({
    name: 'tollgate_upstream_failures_total',
    help: 'Failed attempts at an upstream, also those that a fallback made good',
    labelNames: ['upstream', 'code'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
