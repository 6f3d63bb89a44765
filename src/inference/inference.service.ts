import { Injectable } from '@nestjs/common';
import { catchError, concat, defer, finalize, from, map, Observable, switchMap, tap, throwError } from 'rxjs';
import { HoldService } from '../billing/hold.service.js';
import type { SettlementOutcome } from '../billing/settlement.service.js';
import { Clock } from '../common/clock/clock.js';
import type { Route } from '../models/model.js';
import { isStorageUnavailable } from '../persistence/storage-unavailable.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { LeasedUpstream } from '../upstreams/registered-upstream.js';
import { UpstreamRegistryService } from '../upstreams/upstream-registry.service.js';
import { UpstreamError } from '../upstreams/upstream.errors.js';
import type { UpstreamCall } from '../upstreams/upstream.port.js';
import { AdmissionService, type Admission } from './admission.js';
import { AttemptFailures } from './attempt-failures.js';
import type { Caller } from './caller.js';
import { Calls } from './calls.js';
import { ClosingService, type Closing, type OpenAnswer } from './closing.js';
import type { Endpoint, MeteredPart } from './endpoint.js';
import { HoldWatchService } from './hold-watch.service.js';
import { InFlight, type OpenRequest } from './in-flight.js';
import { CutByShutdownError } from './inference.errors.js';
import { Meter } from './meter.js';
import { LeftStreams, type LeftStream } from './left-streams.service.js';
import { cutWhen, failWhenAborted, handOver, inOrder, whenLeft, type Successor } from './operators.js';
import type { PreparedRequest } from './prepared-request.js';
import type { Settled } from './settled.js';
import { Thinking } from './thinking.js';

/** A whole answer with its settled price. */
export interface SettledAnswer<Answer> {
  readonly answer: Answer;
  readonly settled: Settled;
  /** It could not be handed over after all, by a failure of ours: gives back what was charged. Never rejects. */
  readonly giveBack: () => Promise<void>;
}

type Reads<Chunk> = Pick<
  Endpoint<{ model: string }, unknown, Chunk>,
  'partsOfChunk' | 'usageOfChunk' | 'tierOf'
>;

/** How a stream is said. What it throws is a failure of ours: what comes after it is not charged. */
export interface Show<Chunk> {
  chunk(chunk: Chunk): string;
  /** Before the charge, so that nothing of the end can fail after it. */
  prepareEnd(openReason: 'stop' | 'length'): void;
}

/** Whoever listens to a stream. */
interface Client {
  /** It has gone before the end. */
  left: boolean;
  /** The stream is read on for its usage. */
  reading?: LeftStream;
}

/** One upstream call, or several for one answer, and the upstream lent for it. */
interface Attempt<Request> extends Pick<LeasedUpstream, 'adapter' | 'release'> {
  readonly call: UpstreamCall<Request>;
}

/**
 * The one pipeline: admit → choose a route → call the upstream → meter → settle. Nothing an answer consists of is
 * final before its settlement is durable.
 */
@Injectable()
export class InferenceService {
  constructor(
    private readonly admissions: AdmissionService,
    private readonly upstreams: UpstreamRegistryService,
    private readonly closings: ClosingService,
    private readonly holdWatches: HoldWatchService,
    private readonly failures: AttemptFailures,
    private readonly inFlight: InFlight,
    private readonly leftStreams: LeftStreams,
    private readonly thinking: Thinking,
    private readonly holds: HoldService,
    private readonly clock: Clock,
  ) {}

  /**
   * Answers in one piece.
   *
   * @param signal aborts when the client leaves; the upstream hears of it within a second
   * @throws ModelNotFoundError, ModelNotAllowedError, PriceUnknownError, UpstreamError, DomainError
   */
  async complete<Request extends { model: string }, Answer, Chunk>(
    prepared: PreparedRequest<Request, Answer, Chunk>,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<SettledAnswer<Answer>> {
    const { endpoint, keeper, release = nothing } = prepared;
    let open: OpenRequest;
    try {
      open = this.inFlight.enter(caller.principal, signal);
    } catch (error) {
      release();
      throw error;
    }
    try {
      const admission = await this.admissions.admit(prepared, caller, false);
      const closing = this.open(admission, endpoint.name, false);
      try {
        const answer = await this.completeOverRoutes(endpoint, admission, closing, open.signal);
        closing.answer.serviceTier = endpoint.tierOf(answer);
        closing.answer.meter.see(endpoint.partsOfAnswer(answer), endpoint.usageOfAnswer(answer));
        prepared.ready?.(answer);
        const paidPart = ({ paidShare }: Settled): Answer =>
          paidShare < 1 ? endpoint.shorten(answer, paidShare) : answer;
        closing.answer.alongside =
          keeper && ((trx, charged) => keeper.whole(trx, paidPart(charged), charged));
        closing.answer.takeBack = keeper?.takeBack;
        const settled = await closing.close('completed');
        const giveBack = (): Promise<void> => this.closings.giveBack(closing.answer);
        try {
          return { answer: paidPart(settled), settled, giveBack };
        } catch (error) {
          await giveBack();
          throw error;
        }
      } catch (error) {
        // Nothing of a whole answer was handed over, so nothing is charged; the row says what happened.
        // Waited for: the caller's next request may need the credit that is given back.
        if (!closing.closed) await closing.close(brokenOutcome(open)).catch(ignored);
        throw open.cut ? new CutByShutdownError() : error;
      }
    } finally {
      open.close();
      release();
    }
  }

  /**
   * Answers in frames, one a chunk, then one `Settled`, then completes. Cold; unsubscribing aborts the upstream and settles what was
   * relayed. Errors before the first chunk cost nothing; later ones settle what was relayed first.
   */
  stream<Request extends { model: string }, Answer, Chunk>(
    prepared: PreparedRequest<Request, Answer, Chunk>,
    caller: Caller,
    flow: FlowGate,
    show: Show<Chunk>,
  ): Observable<string | Settled> {
    const { endpoint, left, release = nothing } = prepared;
    return defer(() => {
      let open: OpenRequest;
      try {
        open = this.inFlight.enter(caller.principal, left);
      } catch (error) {
        release();
        throw error;
      }
      const opening = this.admissions
        .admit(prepared, caller, true)
        .then((admission) => ({ admission, closing: this.open(admission, endpoint.name, true) }));
      const client: Client = { left: false };
      const events = from(opening).pipe(
        switchMap(({ admission, closing }) =>
          this.settledStream(prepared, admission, closing, flow, open, client, show),
        ),
      );
      return events.pipe(
        whenLeft(() => {
          client.left = true;
        }),
        finalize(() => {
          // Unsubscribed before the end: the client has left, perhaps while its hold was being opened.
          const closed = opening.then(({ closing }) => this.closeLeft(closing, client));
          this.inFlight.track(closed);
          if (client.reading === undefined) closed.then(release, release);
          else this.letGo(prepared, caller).then(release, release);
          open.close();
        }),
      );
    });
  }

  /** Settles what a client was given that has left, when its answer was heard out. Nothing, where it is settled. */
  private async closeLeft(closing: Closing, { reading }: Client): Promise<unknown> {
    const { answer } = closing;
    if (reading !== undefined) {
      const end = await reading.over;
      answer.unheard = end === 'unheard' && !answer.meter.heard && this.mayThink(answer) !== undefined;
    }
    return closing.close('client_left');
  }

  /** What the request alone could use is free while it is read on for its usage: nothing more is written of it. */
  private async letGo(
    { exclusive }: Pick<PreparedRequest<{ model: string }, unknown, unknown>, 'exclusive'>,
    caller: Caller,
  ): Promise<void> {
    if (exclusive !== undefined) await this.holds.letGo(caller.requestId);
  }

  private mayThink({ admission, route, meter }: OpenAnswer): ReturnType<Thinking['of']> {
    return this.thinking.of(admission.model, route, admission.request, meter);
  }

  /** Reads a stream on for its usage whose client has left; `undefined` where nothing was given, or it is not worth it. */
  private readOn<Chunk>(
    endpoint: Reads<Chunk>,
    closing: Closing,
    client: Client,
    stop: () => void,
  ): Successor<Chunk> | undefined {
    const { answer } = closing;
    const { meter } = answer;
    if (!client.left || closing.closed || !meter.generated) return undefined;
    meter.leave();
    meter.calls.stop();
    const { keyId } = answer.admission.caller.principal;
    const reading = this.leftStreams.begin(keyId, this.mayThink(answer) === 'told', stop);
    client.reading = reading;
    return {
      next: (chunk) => {
        answer.serviceTier = endpoint.tierOf(chunk) ?? answer.serviceTier;
        meter.see(endpoint.partsOfChunk(chunk), endpoint.usageOfChunk(chunk));
        reading.read(meter.unreadChars);
      },
      ended: () => reading.ended(),
    };
  }

  private settledStream<Request extends { model: string }, Answer, Chunk>(
    { endpoint, keeper, left }: PreparedRequest<Request, Answer, Chunk>,
    admission: Admission<Request>,
    closing: Closing,
    flow: FlowGate,
    open: OpenRequest,
    client: Client,
    show: Show<Chunk>,
  ): Observable<string | Settled> {
    const { answer } = closing;
    const { meter } = answer;
    const watch = this.holdWatches.watch(admission);
    let parts: readonly MeteredPart[] = [];
    let cut = false;
    const fitting = (chunk: Chunk, covered: number): Chunk => {
      if (covered === 1) return chunk;
      cut = true;
      const part = endpoint.shortenChunk(chunk, covered);
      parts = endpoint.partsOfChunk(part);
      return part;
    };
    const chunks = this.streamOverRoutes(endpoint, admission, closing, flow).pipe(
      handOver((stop) =>
        cut || meter.overrun || open.signal.aborted
          ? undefined
          : this.readOn(endpoint, closing, client, stop),
      ),
      inOrder(
        (chunk) => {
          parts = endpoint.partsOfChunk(chunk);
          const room = watch.room(meter.estimatedTokens, () => meter.estimatedTokensWith(parts));
          if (room === undefined) return chunk;
          flow.closeUntil(room.then(nothing, nothing));
          return room.then((covered) => fitting(chunk, covered));
        },
        (undelivered) => {
          // Its client has left while the hold was being extended; what came meanwhile tells what it cost as well.
          if (!client.left || closing.closed || !meter.generated) return;
          meter.leave();
          for (const chunk of undelivered) {
            answer.serviceTier = endpoint.tierOf(chunk) ?? answer.serviceTier;
            meter.see(endpoint.partsOfChunk(chunk), endpoint.usageOfChunk(chunk));
          }
        },
      ),
      failWhenAborted(open.signal, () => (open.cut ? new CutByShutdownError() : (left?.reason as Error))),
      map((chunk) => {
        // First of all: what cannot be said is not charged.
        const frame = show.chunk(chunk);
        answer.serviceTier = endpoint.tierOf(chunk) ?? answer.serviceTier;
        meter.see(parts, endpoint.usageOfChunk(chunk));
        watch.relayed(meter.estimatedTokens);
        if (meter.generated && answer.firstTokenMs === undefined) {
          answer.firstTokenMs = this.elapsedMs(admission.caller);
          answer.thoughtMs = this.clock.monotonicMs() - answer.calledAtMs;
        }
        keeper?.said?.(chunk);
        return frame;
      }),
      cutWhen(() => meter.overrun || cut),
    );
    const settled = defer(() => {
      const cutShort = meter.overrun || cut;
      if (cutShort) meter.finishReason = 'length';
      show.prepareEnd(cutShort ? 'length' : 'stop');
      answer.alongside = keeper && ((trx, charged) => keeper.streamed(trx, { settled: charged }));
      answer.takeBack = keeper?.takeBack;
      return from(closing.close(cutShort ? 'cut_at_limit' : 'completed'));
    });
    return concat(chunks, settled).pipe(
      catchError((error: unknown) => {
        if (closing.closed) return throwError(() => error);
        if (meter.generated) answer.alongside = keeper && ((trx) => keeper.streamed(trx, { error }));
        const partial = closing.close(isStorageUnavailable(error) ? 'settled_late' : brokenOutcome(open));
        // The failure is what the client is told, also when the part before it could not be charged.
        return from(partial.catch(ignored)).pipe(switchMap(() => throwError(() => error)));
      }),
    );
  }

  private async completeOverRoutes<Request extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Request, Answer, Chunk>,
    admission: Admission<Request>,
    closing: Closing,
    signal: AbortSignal,
  ): Promise<Answer> {
    let failure: unknown;
    for (const route of admission.routes) {
      closing.answer.route = route;
      let attempt: Attempt<Request> | undefined;
      try {
        attempt = this.attempt(endpoint, admission, route);
        const calls = (closing.answer.meter.calls = new Calls());
        return await endpoint.complete(attempt.adapter, attempt.call, admission.model, signal, calls);
      } catch (error) {
        failure = error;
        if (signal.aborted) break;
        this.failures.record(error, route, closing.answer);
        if (!mayFallBack(error)) break;
      } finally {
        attempt?.release();
      }
    }
    throw failure;
  }

  private streamOverRoutes<Request extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Request, Answer, Chunk>,
    admission: Admission<Request>,
    closing: Closing,
    flow: FlowGate,
    position = 0,
  ): Observable<Chunk> {
    const route = admission.routes[position];
    if (route === undefined) return throwError(() => new UpstreamError('upstream_unavailable', NO_ROUTE));
    return defer(() => {
      closing.answer.route = route;
      let started = false;
      const chunks = defer(() => {
        const { adapter, call, release } = this.attempt(endpoint, admission, route);
        const calls = (closing.answer.meter.calls = new Calls());
        closing.answer.calledAtMs = this.clock.monotonicMs();
        return endpoint.stream(adapter, call, admission.model, flow, calls).pipe(finalize(release));
      });
      return chunks.pipe(
        tap(() => {
          started = true;
        }),
        catchError((error: unknown) => {
          this.failures.record(error, route, closing.answer);
          return !started && mayFallBack(error) && position + 1 < admission.routes.length
            ? this.streamOverRoutes(endpoint, admission, closing, flow, position + 1)
            : throwError(() => error);
        }),
      );
    });
  }

  private attempt<Request extends { model: string }>(
    endpoint: Endpoint<Request, unknown, unknown>,
    { request, model, caller }: Admission<Request>,
    route: Route,
  ): Attempt<Request> {
    const upstreamRequest = endpoint.forUpstream(request, model, route.upstreamModel);
    const { adapter, timeouts, release } = this.upstreams.lease(route.upstream);
    const call = { requestId: caller.requestId, request: upstreamRequest, timeouts };
    return { adapter, call, release };
  }

  private open(admission: Admission<unknown>, endpoint: 'chat' | 'completions', streamed: boolean): Closing {
    const [route] = admission.routes;
    if (route === undefined) throw new UpstreamError('upstream_unavailable', NO_ROUTE);
    const meter = new Meter(
      admission.prompt,
      () => admission.hold.promptTokens,
      admission.maxCompletionTokens,
    );
    return this.closings.open(
      {
        admission,
        endpoint,
        streamed,
        meter,
        route,
        firstTokenMs: undefined,
        calledAtMs: this.clock.monotonicMs(),
        unheard: false,
        failedAttempts: [],
      },
      this.inFlight,
    );
  }

  private elapsedMs(caller: Caller): number {
    return Math.round(this.clock.monotonicMs() - caller.arrivedAtMs);
  }
}

const NO_ROUTE = 'No upstream serves this model at the moment.';

/** How an answer that did not end by itself is put down. */
function brokenOutcome({ cut, signal }: OpenRequest): SettlementOutcome {
  if (cut) return 'drained';
  return signal.aborted ? 'client_left' : 'upstream_failed';
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

function nothing(): void {}

/** The failure is recorded where it happened; here somebody else is already being told about another one. */
function ignored(): void {}
