import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { catchError, concat, defer, finalize, from, map, switchMap, throwError, type Observable } from 'rxjs';
import { HoldService } from '../billing/hold.service.js';
import type { Charge, SettlementOutcome } from '../billing/settlement.service.js';
import { isStorageUnavailable } from '../persistence/storage-unavailable.js';
import type { Tables } from '../persistence/tables.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import { AttemptsService } from './attempts.service.js';
import type { Endpoint, MeteredPart } from './endpoint.js';
import { HoldMonitorService } from './hold-monitor.service.js';
import { InFlight, type OpenRequest } from './in-flight.js';
import { CutByShutdownError } from './inference.errors.js';
import { revertAll, type InternalJob, type Job, type OpenReason, type StreamEnd } from './job.js';
import { LeftStreams, type LeftStream } from './left-streams.service.js';
import type { AnswerWrites, OpenSettlement } from './open-settlement.js';
import { cutWhen, failWhenAborted, handOver, inOrder, whenLeft, type Successor } from './operators.js';
import { ReservationService, type Reservation } from './reservation.service.js';
import { SettlementCoordinatorService } from './settlement-coordinator.service.js';
import { Thinking } from './thinking.js';

/** A whole answer and what was charged for it, durably. */
export interface PaidAnswer<Answer> {
  readonly answer: Answer;
  readonly charge: Charge;
  /** It could not be handed over after all, by a failure of ours: gives back what was charged. Never rejects. */
  readonly refund: () => Promise<void>;
}

/** Whoever listens to a stream. */
interface Client {
  /** It has gone before the end. */
  left: boolean;
  /** The stream is read on for its usage. */
  reading?: LeftStream;
}

/** A request on its way through the pipeline. */
interface Running {
  readonly reservation: Reservation;
  readonly settlement: OpenSettlement;
}

/**
 * The one pipeline: reserve → choose a route → call the upstream → meter → settle. Nothing an answer consists of is
 * final before its settlement is durable.
 */
@Injectable()
export class InferenceService {
  constructor(
    private readonly reservations: ReservationService,
    private readonly attempts: AttemptsService,
    private readonly coordinator: SettlementCoordinatorService,
    private readonly holdMonitor: HoldMonitorService,
    private readonly inFlight: InFlight,
    private readonly leftStreams: LeftStreams,
    private readonly thinking: Thinking,
    private readonly holds: HoldService,
  ) {}

  /**
   * Answers in one piece. The renderer, where there is one, has prepared the whole answer before it is charged.
   *
   * @param signal aborts when the client leaves; the upstream hears of it within a second
   * @throws ModelNotFoundError, ModelNotAllowedError, PriceUnknownError, UpstreamError, DomainError
   */
  async complete<Body extends { model: string }, Answer, Chunk>(
    job: InternalJob<Body, Answer, Chunk> & Partial<Pick<Job<Body, Answer, Chunk>, 'renderer'>>,
    signal: AbortSignal,
  ): Promise<PaidAnswer<Answer>> {
    const { endpoint, sinks } = job;
    const open = this.enter(job, signal);
    try {
      const { reservation, settlement } = await this.begin(job);
      try {
        const answer = await this.attempts.complete(job, reservation, settlement, open.signal);
        settlement.see(
          endpoint.partsOfAnswer(answer),
          endpoint.usageOfAnswer(answer),
          endpoint.tierOf(answer),
        );
        job.renderer?.prepareWhole(answer);
        const paidPart = ({ paidFraction }: Charge): Answer =>
          paidFraction < 1 ? endpoint.shorten(answer, paidFraction) : answer;
        const writes: AnswerWrites | undefined = sinks && {
          alongside: async (trx, charge) => {
            const given = paidPart(charge);
            for (const sink of sinks) await sink.whole?.(trx, given, charge);
          },
          revert: revertAll(sinks),
        };
        const charge = await settlement.close('completed', writes);
        const refund = (): Promise<void> => this.coordinator.refund(settlement);
        try {
          return { answer: paidPart(charge), charge, refund };
        } catch (error) {
          await refund();
          throw error;
        }
      } catch (error) {
        // Nothing of a whole answer was handed over, so nothing is charged; the row says what happened.
        // Waited for: the caller's next request may need the credit that is given back.
        if (!settlement.closed) await settlement.close(brokenOutcome(open)).catch(ignored);
        throw open.cut ? new CutByShutdownError() : error;
      }
    } finally {
      open.close();
      job.release?.();
    }
  }

  /**
   * Answers in frames, one a chunk, then the end, when it is settled. Cold; unsubscribing aborts the upstream and settles
   * what was relayed. Errors before the first chunk cost nothing; later ones settle what was relayed first.
   */
  stream<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    flow: FlowGate,
  ): Observable<string> {
    const { release = nothing } = job;
    return defer(() => {
      const open = this.enter(job, job.left);
      const opening = this.begin(job);
      const client: Client = { left: false };
      return from(opening).pipe(
        switchMap((running) => this.settledStream(job, running, flow, open, client)),
        whenLeft(() => {
          client.left = true;
        }),
        finalize(() => {
          // Unsubscribed before the end: the client has left, perhaps while its hold was being opened.
          const closed = opening.then(({ settlement }) => this.closeLeft(job, settlement, client));
          this.inFlight.track(closed);
          if (client.reading === undefined) closed.then(release, release);
          else this.letGo(job).then(release, release);
          open.close();
        }),
      );
    });
  }

  /** Where it throws, the job has ended. */
  private enter(
    { context, release }: Pick<Job<never, never, never>, 'context' | 'release'>,
    left: AbortSignal | undefined,
  ): OpenRequest {
    try {
      return this.inFlight.enter(context.principal, left);
    } catch (error) {
      release?.();
      throw error;
    }
  }

  private async begin<Body extends { model: string }, Answer, Chunk>(
    job: InternalJob<Body, Answer, Chunk>,
  ): Promise<Running> {
    const reservation = await this.reservations.reserve(job);
    return { reservation, settlement: this.coordinator.open(reservation, job.context) };
  }

  /** Settles what a client was given that has left, when its answer was heard out. Nothing, where it is settled. */
  private async closeLeft(
    { body }: Pick<Job<{ model: string }, unknown, unknown>, 'body'>,
    settlement: OpenSettlement,
    { reading }: Client,
  ): Promise<unknown> {
    if (reading !== undefined) {
      const end = await reading.over;
      if (end === 'unheard' && !settlement.meter.heard && this.mayThink(body, settlement) !== undefined) {
        settlement.giveUp();
      }
    }
    return settlement.close('client_left');
  }

  /** What the request alone could use is free while it is read on for its usage: nothing more is written of it. */
  private async letGo({
    exclusive,
    context,
  }: Pick<Job<never, never, never>, 'exclusive' | 'context'>): Promise<void> {
    if (exclusive !== undefined) await this.holds.letGo(context.requestId);
  }

  private mayThink(
    body: { model: string },
    { reservation, route, meter }: OpenSettlement,
  ): ReturnType<Thinking['of']> {
    return this.thinking.of(reservation.model, route, body, meter);
  }

  /** Reads a stream on for its usage whose client has left; `undefined` where nothing was given, or it is not worth it. */
  private readOn<Body extends { model: string }, Answer, Chunk>(
    { endpoint, body, context }: Job<Body, Answer, Chunk>,
    settlement: OpenSettlement,
    client: Client,
    stop: () => void,
  ): Successor<Chunk> | undefined {
    const { meter } = settlement;
    if (!client.left || settlement.closed || !meter.generated) return undefined;
    meter.leave();
    meter.calls.stop();
    const patient = this.mayThink(body, settlement) === 'told';
    const reading = this.leftStreams.begin(context.principal.keyId, patient, stop);
    client.reading = reading;
    return {
      next: (chunk) => {
        seeChunk(endpoint, settlement, chunk);
        reading.read(meter.unreadChars);
      },
      ended: () => reading.ended(),
    };
  }

  private settledStream<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    { reservation, settlement }: Running,
    flow: FlowGate,
    open: OpenRequest,
    client: Client,
  ): Observable<string> {
    const { endpoint, renderer, sinks, left } = job;
    const { meter } = settlement;
    const monitor = this.holdMonitor.monitor(reservation);
    let parts: readonly MeteredPart[] = [];
    let cut = false;
    const fitting = (chunk: Chunk, covered: number): Chunk => {
      if (covered === 1) return chunk;
      cut = true;
      const part = endpoint.shortenChunk(chunk, covered);
      parts = endpoint.partsOfChunk(part);
      return part;
    };
    const writesOf = (endOf: (charge: Charge) => StreamEnd): AnswerWrites['alongside'] | undefined =>
      sinks &&
      (async (trx: Transaction<Tables>, charge: Charge) => {
        for (const sink of sinks) await sink.streamed?.(trx, endOf(charge));
      });
    const chunks = this.attempts.stream(job, reservation, settlement, flow).pipe(
      handOver((stop) =>
        cut || meter.overrun || open.signal.aborted ? undefined : this.readOn(job, settlement, client, stop),
      ),
      inOrder(
        (chunk) => {
          parts = endpoint.partsOfChunk(chunk);
          const room = monitor.reserve(meter.estimatedTokens, () => meter.estimatedTokensWith(parts));
          if (room === undefined) return chunk;
          flow.closeUntil(room.then(nothing, nothing));
          return room.then((covered) => fitting(chunk, covered));
        },
        (undelivered) => {
          // Its client has left while the hold was being extended; what came meanwhile tells what it cost as well.
          if (!client.left || settlement.closed || !meter.generated) return;
          meter.leave();
          for (const chunk of undelivered) seeChunk(endpoint, settlement, chunk);
        },
      ),
      failWhenAborted(open.signal, () => (open.cut ? new CutByShutdownError() : (left?.reason as Error))),
      map((chunk) => {
        // First of all: what cannot be said is not charged.
        const frame = renderer.chunk(chunk);
        settlement.see(parts, endpoint.usageOfChunk(chunk), endpoint.tierOf(chunk));
        monitor.recordProgress(meter.estimatedTokens);
        settlement.relayed();
        if (sinks !== undefined) for (const sink of sinks) sink.onChunk?.(chunk);
        return frame;
      }),
      cutWhen(() => meter.overrun || cut),
    );
    const end = defer(async () => {
      const cutShort = meter.overrun || cut;
      if (cutShort) meter.finishReason = 'length';
      const openReason: OpenReason = cutShort ? 'length' : 'stop';
      renderer.prepareEnd(openReason);
      const alongside = writesOf((charge) => ({ charge, openReason }));
      const kept = alongside && sinks && { alongside, revert: revertAll(sinks) };
      const { usage, bill } = await settlement.close(cutShort ? 'cut_at_limit' : 'completed', kept);
      return renderer.end(usage, bill, openReason);
    });
    return concat(chunks, end).pipe(
      catchError((error: unknown) => {
        if (settlement.closed) return throwError(() => error);
        const alongside = meter.generated ? writesOf(() => ({ error })) : undefined;
        const outcome = isStorageUnavailable(error) ? 'settled_late' : brokenOutcome(open);
        // The failure is what the client is told, also when the part before it could not be charged.
        const partial = settlement.close(outcome, alongside && { alongside });
        return from(partial.catch(ignored)).pipe(switchMap(() => throwError(() => error)));
      }),
    );
  }
}

/** What comes of an answer that nobody is given any more. */
function seeChunk<Chunk>(
  endpoint: Pick<Endpoint<never, never, Chunk>, 'partsOfChunk' | 'usageOfChunk' | 'tierOf'>,
  settlement: OpenSettlement,
  chunk: Chunk,
): void {
  settlement.see(endpoint.partsOfChunk(chunk), endpoint.usageOfChunk(chunk), endpoint.tierOf(chunk));
}

/** How an answer that did not end by itself is put down. */
function brokenOutcome({ cut, signal }: OpenRequest): SettlementOutcome {
  if (cut) return 'drained';
  return signal.aborted ? 'client_left' : 'upstream_failed';
}

function nothing(): void {}

/** The failure is recorded where it happened; here somebody else is already being told about another one. */
function ignored(): void {}
