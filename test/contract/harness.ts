import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { jest } from '@jest/globals';
import { getStorageToken } from '@nestjs/throttler';
import { Clock } from '../../src/common/clock/clock.js';
import { AnswerWriterService } from '../../src/http/answer-writer.service.js';
import type { RequestBucketsService } from '../../src/throttling/request-buckets.service.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { Tollgate } from '../support/tollgate.js';

/** Models of the fake upstream, which knows both as `upstream-model`; the second has 300 ms for an answer. */
export const FAKE = 'test/model';
export const IMPATIENT = 'test/impatient';

/** One request that reached the gateway, whoever sent it. */
export interface InboundRequest {
  /** `performance.now()` */
  readonly arrivedAtMs: number;
  /** 0 until the answer is complete. */
  status: number;
  /** `performance.now()` when the answer was complete. */
  endedAtMs: number;
  readonly requestId: () => string;
  /** `x-conversation-id` of its answer. */
  readonly conversationId: () => string | undefined;
  /** Comments that its stream has had so far. */
  readonly comments: () => number;
}

/** A gateway on a socket, its fake upstream, and a record of what clients really sent: how often, and what they got. */
export class ContractHarness {
  readonly inbound: InboundRequest[] = [];

  private constructor(
    readonly tollgate: Tollgate,
    readonly upstream: FakeUpstream,
  ) {
    const server = tollgate.app.getHttpServer() as Server;
    server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) =>
      this.record(response),
    );
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<ContractHarness> {
    const upstream = await FakeUpstream.start();
    const tollgate = await Tollgate.start({
      yaml: catalogue(upstream.baseUrl),
      env: { HEARTBEAT_MS: '25', ...env },
    });
    return new ContractHarness(tollgate, upstream);
  }

  /** Forgets scripts, requests and spies: for `afterEach`. */
  reset(): void {
    jest.restoreAllMocks();
    this.upstream.clear();
    this.inbound.length = 0;
  }

  async close(): Promise<void> {
    await this.tollgate.close();
    await this.upstream.close();
  }

  /**
   * A key whose next request gets a 429, and the one after it succeeds if it waits as long as it is told: 100 ms by
   * `retry-after-ms`, 1 s by `retry-after`. The gateway's clock stands still until the 429 is out, so a slow machine
   * changes nothing.
   */
  async exhaustedKey(): Promise<string> {
    const limit = 600;
    const { secret, id } = await this.tollgate.newKey({ requestsPerMinute: limit });
    const clock = this.tollgate.app.get(Clock);
    const frozen = jest.spyOn(clock, 'monotonicMs').mockReturnValue(clock.monotonicMs());
    const buckets = this.tollgate.app.get<RequestBucketsService>(getStorageToken(), { strict: false });
    for (let i = 0; i < limit; i += 1) await buckets.increment(`post:${id}`, 60_000, limit);
    const server = this.tollgate.app.getHttpServer() as Server;
    server.once('request', (_request: IncomingMessage, response: ServerResponse) =>
      response.once('finish', () => frozen.mockRestore()),
    );
    return secret;
  }

  /** Makes the gateway fail by a bug of its own after the upstream has answered, until `reset`. */
  breakGateway(): void {
    jest
      .spyOn(this.tollgate.app.get(AnswerWriterService, { strict: false }), 'json')
      .mockImplementation(() => {
        throw new TypeError('a bug that nobody may read about');
      });
  }

  private record(response: ServerResponse): void {
    const written = jest.spyOn(response, 'write');
    const entry: InboundRequest = {
      arrivedAtMs: performance.now(),
      status: 0,
      endedAtMs: 0,
      requestId: () => String(response.getHeader('x-request-id')),
      conversationId: () => response.getHeader('x-conversation-id')?.toString(),
      comments: () => written.mock.calls.filter(([data]) => String(data).startsWith(':')).length,
    };
    this.inbound.push(entry);
    response.once('finish', () => {
      entry.status = response.statusCode;
      entry.endedAtMs = performance.now();
    });
  }
}

function catalogue(baseUrl: string): string {
  return `
upstreams:
  main: { protocol: openai, base_url: "${baseUrl}" }
  impatient: { protocol: openai, base_url: "${baseUrl}", timeouts: { total_ms: 300, first_token_ms: 300 } }
  sandbox: { protocol: sandbox }
models:${model(FAKE, 'main')}${model(IMPATIENT, 'impatient')}
`;
}

function model(id: string, upstream: string): string {
  return `
  - id: ${id}
    name: ${id}
    owned_by: tests
    context_length: 1048576
    max_completion_tokens: 65536
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: ${upstream}, model: upstream-model } ]`;
}
