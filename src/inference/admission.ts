import { Injectable } from '@nestjs/common';
import type { Price } from '../common/money/price.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { Model, Route } from '../models/model.js';
import { TokenLimiter, type TokenReservation } from '../throttling/token-limiter.js';
import type { Caller } from './caller.js';
import type { Endpoint } from './endpoint.js';
import { ModelNotAllowedError, PriceUnknownError } from './inference.errors.js';
import { estimatePromptTokens, type PromptMeasure } from './prompt.js';
import { orderRoutes } from './route-order.js';

/** A request that may go ahead: what it asks, what it may cost at most, where it can go. */
export interface Admission<Request> {
  readonly request: Request;
  readonly caller: Caller;
  readonly model: Model;
  readonly price: Price;
  readonly routes: readonly Route[];
  readonly prompt: PromptMeasure;
  /** All choices together; `undefined` where neither request nor model names a limit. */
  readonly maxCompletionTokens: number | undefined;
  readonly tokens: TokenReservation;
}

/** Output that a request without a limit is expected to have, for the tokens-a-minute reservation only. */
const ASSUMED_COMPLETION_TOKENS = 1_024;

/**
 * Decides whether a valid request may reach an upstream. (The hold on credits belongs here, after the price is known.)
 */
@Injectable()
export class AdmissionService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly tokens: TokenLimiter,
  ) {}

  /** @throws ModelNotFoundError, ModelNotAllowedError, PriceUnknownError, DomainError `token_rate_limited` */
  admit<Request extends { model: string }>(
    endpoint: Endpoint<Request, unknown, unknown>,
    request: Request,
    caller: Caller,
  ): Admission<Request> {
    const model = this.catalogue.get(request.model);
    if (!this.catalogue.permits(caller.principal.allowedModels, model)) throw new ModelNotAllowedError();
    if (model.price === undefined) throw new PriceUnknownError();

    const prompt = endpoint.measure(request);
    const maxCompletionTokens = endpoint.maxCompletionTokens(request, model);
    const expected = Math.min(maxCompletionTokens ?? ASSUMED_COMPLETION_TOKENS, ASSUMED_COMPLETION_TOKENS);
    return {
      request,
      caller,
      model,
      price: model.price,
      routes: orderRoutes(model.routes, Math.random),
      prompt,
      maxCompletionTokens,
      tokens: this.tokens.reserve(caller.principal, estimatePromptTokens(prompt) + expected, request.model),
    };
  }
}
