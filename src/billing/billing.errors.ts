import { DomainError } from '../common/errors/domain-error.js';
import { formatDecimal } from '../common/money/decimal.js';

/** The account's available credit does not cover what the request may cost. */
export class InsufficientCreditError extends DomainError {
  /**
   * @param availableHundredths there is so much
   * @param neededHundredths with less than this it is not begun
   */
  constructor(
    readonly availableHundredths: bigint,
    neededHundredths: bigint,
  ) {
    super(
      'insufficient_quota',
      quotaMessage('the available credits do', neededHundredths, availableHundredths),
    );
  }
}

/** The budget that this key has for the present period does not cover what the request may cost. */
export class BudgetExceededError extends DomainError {
  /**
   * @param availableHundredths there is so much
   * @param neededHundredths with less than this it is not begun
   */
  constructor(
    readonly availableHundredths: bigint,
    neededHundredths: bigint,
  ) {
    super(
      'insufficient_quota',
      quotaMessage('the budget of this API key does', neededHundredths, availableHundredths),
    );
  }
}

function quotaMessage(lacking: string, neededHundredths: bigint, availableHundredths: bigint): string {
  const needed = formatDecimal(neededHundredths, 2);
  const available = formatDecimal(availableHundredths > 0n ? availableHundredths : 0n, 2);
  return (
    `You exceeded your current quota, please check your plan and billing details: ${lacking} not cover the most that ` +
    `this request can cost. It needs ${needed} credits, and ${available} are available. A smaller max_tokens or n may fit.`
  );
}

/** Somebody else has resolved this request's hold: this process was taken for dead. Nothing more may be charged or given. */
export class HoldLostError extends DomainError {
  constructor() {
    super('overloaded', 'The request took too long to be accounted for, please try again.', {
      retryAfterMs: 1000,
    });
  }
}

/** Another request has what this one wanted for itself, or has changed it since this one looked. */
export class ExclusiveUseError extends DomainError {
  constructor() {
    super(
      'conversation_busy',
      'Another request is going on with this conversation. Wait for its answer, then send this one again.',
      { retryAfterMs: 1000 },
    );
  }
}
