import { Injectable } from '@nestjs/common';
import type { HoldMetadata } from '../billing/hold-metadata.js';
import { BudgetExceededError, InsufficientCreditError } from '../billing/billing.errors.js';
import { HoldService, type HoldRequest } from '../billing/hold.service.js';
import { settlementOfOrphan } from '../billing/orphaned-hold.js';
import { MAX_COUNTED_CHARS, TokenCounter } from '../billing/token-counter.js';
import { Clock } from '../common/clock/clock.js';
import type { Principal } from '../common/principal.js';
import { AppConfig } from '../config/app-config.js';
import { MAX_INT32 } from '../contracts/validation/limits.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { Model, Route } from '../models/model.js';
import { ModelNotFoundError } from '../models/models.errors.js';
import { CommitUnknownError } from '../persistence/commit-unknown.error.js';
import { refuseTooLarge } from '../surfaces/answer-text.js';
import { TokenLimiterService, type TokenReservation } from '../throttling/token-limiter.service.js';
import { holdSize, type HoldSize } from './hold-size.js';
import type { InternalJob } from './job.js';
import { ModelNotAllowedError, NoRouteError, PriceUnknownError } from './inference.errors.js';
import {
  countTokensToHold,
  estimatePromptTokens,
  promptTokensToHold,
  tokensToHoldAtLeast,
  type PromptMeasure,
} from './prompt.js';
import { choosePrice, type PriceChoice } from './pricing-choice.js';
import { orderRoutes } from './route-order.js';
import { SettlementRetryService } from './settlement-retry.service.js';

/** A request that may go ahead: what it may cost at most, what is held for it, where it can go. */
export interface Reservation {
  /** The static half of its settlement. */
  readonly metadata: HoldMetadata;
  readonly model: Model;
  readonly price: PriceChoice;
  /** In the order in which they are tried. */
  readonly routes: readonly [Route, ...Route[]];
  readonly prompt: PromptMeasure;
  /** All choices together; `undefined` where neither request nor model names a limit. */
  readonly maxCompletionTokens: number | undefined;
  readonly tokens: TokenReservation;
  readonly hold: OpenHold;
}

/** The credit set aside for a request. */
export interface OpenHold {
  /** Hundredths of a credit; raised when the hold is extended. */
  amountHundredths: bigint;
  /** What it is for beside the output: the prompt, as often as it may be read; lowered when it is counted. */
  promptTokens: number;
  /** As in `HoldSize`. Where the hold is less, it has to grow with the answer. */
  readonly worstHundredths: bigint | undefined;
}

/** Output that a request without a limit is expected to have, for the tokens-a-minute reservation only. */
const ASSUMED_COMPLETION_TOKENS = 1_024;

/** Decides whether a valid request may reach an upstream, and sets aside the credit for it. */
@Injectable()
export class ReservationService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly tokens: TokenLimiterService,
    private readonly holds: HoldService,
    private readonly counter: TokenCounter,
    private readonly settlementRetries: SettlementRetryService,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /**
   * Whether this caller may have answers of a model at all, whoever paid for them. A model that has gone since is judged
   * by its id.
   *
   * @throws ModelNotFoundError, ModelNotAllowedError
   */
  refuseForbiddenModel(id: string, { allowedModels }: Principal): void {
    if (allowedModels === null) return;
    const model = this.catalogue.find(id);
    if (model === undefined && !allowedModels.includes(id)) throw new ModelNotFoundError(id);
    if (model !== undefined && !this.catalogue.permits(allowedModels, model))
      throw new ModelNotAllowedError();
  }

  /**
   * Resolves when the hold is durable.
   *
   * @throws ModelNotFoundError, ModelNotAllowedError, PriceUnknownError, AnswerTooLargeError, NoRouteError,
   *   ValidationFailedError for what the model has no price for, InsufficientCreditError, BudgetExceededError,
   *   ExclusiveUseError, StorageQuotaError, DomainError `tokens_above_limit`,
   *   `token_rate_limited`, `storage_unavailable`
   */
  async reserve<Body extends { model: string }, Answer, Chunk>(
    job: InternalJob<Body, Answer, Chunk>,
  ): Promise<Reservation> {
    const { context, endpoint, body, streamed, options } = job;
    const { principal } = context;
    const model = this.catalogue.get(body.model);
    if (options?.modelPermitted !== true && !this.catalogue.permits(principal.allowedModels, model)) {
      throw new ModelNotAllowedError();
    }
    const price = choosePrice(model, endpoint.priceFacts(body), body);
    if (price === undefined) throw new PriceUnknownError();

    const prompt = endpoint.measure(body, model);
    const maxCompletionTokens = endpoint.maxCompletionTokens(body, model);
    const limitsOutput = options?.limitsOutput ?? endpoint.limitsOutput(body);
    if (!streamed && limitsOutput) {
      refuseTooLarge(maxCompletionTokens ?? 0, endpoint.charsOfToken(body));
    }
    const routes = orderRoutes(model.routes, Math.random);
    if (!hasRoute(routes)) throw new NoRouteError();
    const [route] = routes;
    const expected = Math.min(maxCompletionTokens ?? ASSUMED_COMPLETION_TOKENS, ASSUMED_COMPLETION_TOKENS);
    const promptTokens = estimatePromptTokens(prompt);
    const asked = limitsOutput ? (maxCompletionTokens ?? 0) : 0;
    // The largest number that there is says "as many as there are".
    const named = asked < MAX_INT32 ? asked : 0;
    // Half of what is only guessed: nothing is refused for good that might fit.
    this.tokens.refuseTooLarge(principal, Math.floor(promptTokens / 2) + named, body.model);
    const tokens = this.tokens.reserve(principal, promptTokens + expected, body.model);
    context.tellTokens?.(tokens.state);
    const sizeFor = (heldPromptTokens: number): HoldSize =>
      holdSize(
        heldPromptTokens,
        maxCompletionTokens,
        limitsOutput,
        price.dearest,
        this.config.money.creditNanoUsd,
      );
    const metadata: HoldMetadata = {
      requestId: context.requestId,
      accountId: principal.accountId,
      keyId: principal.keyId,
      clientRequestId: context.clientRequestId,
      surface: context.surface.name,
      endpoint: endpoint.name,
      model: model.id,
      upstream: route.upstream,
      upstreamModel: route.upstreamModel,
      streamed,
      promptTokens:
        endpoint.measureFirst === undefined
          ? promptTokens
          : estimatePromptTokens(endpoint.measureFirst(body, model)),
      price: price.asked,
      context: job.provenance,
    };
    try {
      const hold = await this.hold(prompt, sizeFor, {
        metadata,
        budget: principal.budget ?? undefined,
        exclusive: job.exclusive,
        storage: job.storage,
      });
      return { metadata, model, price, routes, prompt, maxCompletionTokens, tokens, hold };
    } catch (error) {
      tokens.correct(0);
      context.tellTokens?.(this.tokens.peek(principal));
      if (error instanceof CommitUnknownError) this.giveBack(metadata);
      throw error;
    }
  }

  /** Counts the prompt where there may be enough for it, but not for all that such a text can have. */
  private async hold(
    prompt: PromptMeasure,
    sizeFor: (promptTokens: number) => HoldSize,
    request: Omit<HoldRequest, keyof HoldSize>,
  ): Promise<OpenHold> {
    const open = async (promptTokens: number): Promise<OpenHold> => {
      const { worstHundredths, ...size } = sizeFor(promptTokens);
      const amountHundredths = await this.holds.open({ ...request, ...size });
      return { amountHundredths, promptTokens, worstHundredths };
    };
    const roughly = promptTokensToHold(prompt);
    try {
      return await open(roughly * prompt.reads);
    } catch (error) {
      if (!(error instanceof InsufficientCreditError || error instanceof BudgetExceededError)) throw error;
      if (prompt.chars > MAX_COUNTED_CHARS) throw error;
      const { leastHundredths } = sizeFor(tokensToHoldAtLeast(prompt) * prompt.reads);
      if (leastHundredths > error.availableHundredths) throw error;
      const counted = await countTokensToHold(prompt, this.counter);
      if (counted >= roughly) throw error;
      return await open(counted * prompt.reads);
    }
  }

  /** The hold of a request that was refused may have been opened after all; its process lives, so no sweeper looks. */
  private giveBack(metadata: HoldMetadata): void {
    const nowMs = this.clock.nowMs();
    const hold = { relayedTokens: 0, openedAtMs: nowMs };
    this.settlementRetries.add({
      settlement: settlementOfOrphan(hold, metadata, 'settled_late', nowMs),
      refunds: false,
    });
  }
}

function hasRoute(routes: readonly Route[]): routes is readonly [Route, ...Route[]] {
  return routes.length > 0;
}
