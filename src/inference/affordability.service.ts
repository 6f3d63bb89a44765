import { Injectable } from '@nestjs/common';
import { BudgetCheckService } from '../billing/budget-check.service.js';
import type { Principal } from '../common/principal.js';
import { AppConfig } from '../config/app-config.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { Endpoint } from './endpoint.js';
import { holdSize } from './hold-size.js';
import { ModelNotAllowedError } from './inference.errors.js';
import { tokensToHoldAtLeast } from './prompt.js';
import { choosePrice } from './pricing-choice.js';

/** Tells before anything dear is done for a request that there is no credit for it. */
@Injectable()
export class AffordabilityService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly budgets: BudgetCheckService,
    private readonly config: AppConfig,
  ) {}

  /**
   * Refuses a request for which no hold would be opened even if nothing were added to its prompt. One that passes may
   * still be refused by its hold.
   *
   * @param ofChatbot the model is the chatbot's to choose, and its answer may be limited further once the prompt is known
   * @throws ModelNotAllowedError, InsufficientCreditError, BudgetExceededError, DomainError `storage_unavailable`
   */
  async refuseUnaffordable<Request extends { model: string }>(
    endpoint: Endpoint<Request, unknown, unknown>,
    request: Request,
    principal: Principal,
    ofChatbot: boolean,
  ): Promise<void> {
    const model = this.catalogue.find(request.model);
    if (model && !ofChatbot && !this.catalogue.permits(principal.allowedModels, model)) {
      throw new ModelNotAllowedError();
    }
    const price = model && choosePrice(model, endpoint.priceFacts(request), request);
    // The hold says what is wrong with it.
    if (model === undefined || price === undefined) return;
    const prompt = endpoint.measure(request, model);
    const { leastHundredths } = holdSize(
      tokensToHoldAtLeast(prompt) * prompt.reads,
      ofChatbot ? 1 : endpoint.maxCompletionTokens(request, model),
      !ofChatbot && endpoint.limitsOutput(request),
      price.dearest,
      this.config.money.creditNanoUsd,
    );
    await this.budgets.refuseUnaffordable(principal, leastHundredths);
  }
}
