import type { Budget } from './money/budget.js';

/** Who calls: one API key of one account, with the limits that the key carries. Made by the auth guard, immutable. */
export interface Principal {
  readonly accountId: string;
  readonly keyId: string;
  /** Requests a minute; the configured default where the key has none of its own. */
  readonly requestsPerMinute: number;
  /** Tokens a minute (prompt + completion); the configured default where the key has none of its own. */
  readonly tokensPerMinute: number;
  /** Model ids that the key may use; `null`: all. */
  readonly allowedModels: readonly string[] | null;
  /** Inference requests under way at a time; `null`: any number. */
  readonly maxConcurrency: number | null;
  /** `null`: none, the account's balance alone limits it. */
  readonly budget: Budget | null;
  /** May read and change the account's chatbots, system prompts included. */
  readonly manageChatbots: boolean;
  /** May list, read, change and delete what the account's conversations hold. */
  readonly readConversations: boolean;
  /** Days that the account's conversations are kept after their last turn; 0: nothing is stored; `null`: until deleted. */
  readonly conversationRetentionDays: number | null;
}
