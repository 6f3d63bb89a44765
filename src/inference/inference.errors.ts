import { DomainError } from '../common/errors/domain-error.js';

/** The key may not use this model. */
export class ModelNotAllowedError extends DomainError {
  constructor() {
    super('model_not_allowed', 'You are not allowed to use this model.', { param: 'model' });
  }
}

/** Nobody wrote down what this model costs, so nobody may call it: a free model says "0" in writing. */
export class PriceUnknownError extends DomainError {
  constructor() {
    super('price_unknown', 'The price of this model is not known, so it cannot be used yet.', {
      param: 'model',
    });
  }
}

/** The catalogue has the model, but nowhere to send it. */
export class NoRouteError extends DomainError {
  constructor() {
    super('upstream_unavailable', 'No upstream serves this model at the moment.');
  }
}

/** The process is leaving and this answer did not end in time. */
export class CutByShutdownError extends DomainError {
  constructor() {
    super('draining', 'The server is shutting down before this answer ended.', { retryAfterMs: 1000 });
  }
}
