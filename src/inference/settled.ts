import type { Usage } from '../contracts/openai/chat-completion.js';
import type { Bill } from '../common/money/bill.js';

/** The end of an answer: what it used and what that cost, durable. */
export class Settled {
  constructor(
    readonly usage: Usage,
    readonly bill: Bill,
    /** The finish reason of choices that the upstream did not end itself. */
    readonly openFinishReason: 'stop' | 'length',
    /** The part of the output that the account could pay for: 1, unless its credit ran out meanwhile. */
    readonly paidShare: number,
  ) {}
}
