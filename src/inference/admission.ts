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
import { TokenLimiterService, type TokenReservation } from '../throttling/token-limiter.service.js';
import { refuseTooLarge } from './answer-text.js';
import type { Caller } from './caller.js';
import { holdSize, type HoldSize } from './hold-size.js';
import { ModelNotAllowedError, NoRouteError, PriceUnknownError } from './inference.errors.js';
import {
  countTokensToHold,
  estimatePromptTokens,
  promptTokensToHold,
  tokensToHoldAtLeast,
  type PromptMeasure,
} from './prompt.js';
import type { PreparedRequest } from './prepared-request.js';
import { choosePrice, type PriceChoice } from './pricing-choice.js';
import { orderRoutes } from './route-order.js';
import { UnsettledService } from './unsettled.service.js';

/** A request that may go ahead: what it asks, what it may cost at most, where it can go. */
export interface Admission<Request> {
  readonly request: Request;
  readonly caller: Caller;
  readonly model: Model;
  readonly price: PriceChoice;
  readonly routes: readonly Route[];
  readonly prompt: PromptMeasure;
  /** All choices together; `undefined` where neither request nor model names a limit. */
  readonly maxCompletionTokens: number | undefined;
  readonly tokens: TokenReservation;
  readonly hold: OpenHold;
  readonly metadata: HoldMetadata;
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
export class AdmissionService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly tokens: TokenLimiterService,
    private readonly holds: HoldService,
    private readonly counter: TokenCounter,
    private readonly unsettled: UnsettledService,
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
  async admit<Request extends { model: string }, Answer, Chunk>(
    prepared: PreparedRequest<Request, Answer, Chunk>,
    caller: Caller,
    streamed: boolean,
  ): Promise<Admission<Request>> {
    const { endpoint, request, context } = prepared;
    const model = this.catalogue.get(request.model);
    if (!prepared.modelPermitted && !this.catalogue.permits(caller.principal.allowedModels, model)) {
      throw new ModelNotAllowedError();
    }
    const price = choosePrice(model, endpoint.priceFacts(request), request);
    if (price === undefined) throw new PriceUnknownError();

    const prompt = endpoint.measure(request, model);
    const maxCompletionTokens = endpoint.maxCompletionTokens(request, model);
    if (!streamed && endpoint.limitsOutput(request)) {
      refuseTooLarge(maxCompletionTokens ?? 0, endpoint.charsOfToken(request));
    }
    const routes = orderRoutes(model.routes, Math.random);
    const [route] = routes;
    if (route === undefined) throw new NoRouteError();
    const expected = Math.min(maxCompletionTokens ?? ASSUMED_COMPLETION_TOKENS, ASSUMED_COMPLETION_TOKENS);
    const promptTokens = estimatePromptTokens(prompt);
    const asked = endpoint.limitsOutput(request) ? (maxCompletionTokens ?? 0) : 0;
    // The largest number that there is says "as many as there are".
    const named = asked < MAX_INT32 ? asked : 0;
    // Half of what is only guessed: nothing is refused for good that might fit.
    this.tokens.refuseTooLarge(caller.principal, Math.floor(promptTokens / 2) + named, request.model);
    const tokens = this.tokens.reserve(caller.principal, promptTokens + expected, request.model);
    caller.tellTokens?.(tokens.state);
    const sizeFor = (heldPromptTokens: number): HoldSize =>
      holdSize(
        heldPromptTokens,
        maxCompletionTokens,
        endpoint.limitsOutput(request),
        price.dearest,
        this.config.money.creditNanoUsd,
      );
    const metadata: HoldMetadata = {
      requestId: caller.requestId,
      accountId: caller.principal.accountId,
      keyId: caller.principal.keyId,
      clientRequestId: caller.clientRequestId,
      surface: caller.surface,
      endpoint: endpoint.name,
      model: model.id,
      upstream: route.upstream,
      upstreamModel: route.upstreamModel,
      streamed,
      promptTokens:
        endpoint.measureFirst === undefined
          ? promptTokens
          : estimatePromptTokens(endpoint.measureFirst(request, model)),
      price: price.asked,
      context,
    };
    try {
      const hold = await this.hold(prompt, sizeFor, {
        metadata,
        budget: caller.principal.budget ?? undefined,
        exclusive: prepared.exclusive,
        storage: prepared.storage,
      });
      return {
        request,
        caller,
        model,
        price,
        routes,
        prompt,
        maxCompletionTokens,
        tokens,
        hold,
        metadata,
      };
    } catch (error) {
      tokens.correct(0);
      caller.tellTokens?.(this.tokens.peek(caller.principal));
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
    this.unsettled.add({
      settlement: settlementOfOrphan(hold, metadata, 'settled_late', nowMs),
      givesBack: false,
    });
  }
}
