import { Injectable } from '@nestjs/common';
import { costNanoUsd, creditHundredths } from '../common/money/cost.js';
import type { Price } from '../common/money/price.js';
import { AppConfig } from '../config/app-config.js';
import { GroupCommit } from '../persistence/group-commit.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import type { Bill } from '../surfaces/usage.js';
import type { UsageSource } from './reported-usage.js';
import { UsageRepository, type UsageRecord } from './usage.repository.js';

/** How a request ended, as far as money is concerned. */
export type SettlementOutcome = 'completed' | 'client_left' | 'upstream_failed' | 'cut_at_limit' | 'drained';

/** What a finished request used, with everything that its row names. */
export interface Settlement {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  readonly accountId: string;
  readonly keyId: string;
  readonly surface: string;
  readonly endpoint: 'chat' | 'completions';
  readonly model: string;
  readonly upstream: string;
  readonly upstreamModel: string;
  readonly streamed: boolean;
  readonly outcome: SettlementOutcome;
  readonly finishReason: string | undefined;
  readonly usage: Usage;
  readonly usageSource: UsageSource;
  readonly price: Price;
  readonly createdAtMs: number;
  readonly firstTokenMs: number | undefined;
  readonly durationMs: number;
}

/** Prices true usage and makes it durable. */
@Injectable()
export class SettlementService {
  constructor(
    private readonly groupCommit: GroupCommit,
    private readonly usage: UsageRepository,
    private readonly config: AppConfig,
  ) {}

  /**
   * Charges the real usage of a request. Resolves when the row is on disk: only then may the answer end.
   * At most once per request id: a second call writes nothing.
   *
   * @throws DomainError `storage_unavailable` when it could not be made durable before the deadline
   */
  async settle(settlement: Settlement): Promise<Bill> {
    const { usage, price } = settlement;
    const cost = costNanoUsd(
      {
        promptTokens: usage.prompt_tokens,
        completionTokens: usage.completion_tokens,
        cachedPromptTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      },
      price,
    );
    const credits = creditHundredths(cost, this.config.money.creditNanoUsd);
    await this.groupCommit.submit(this.usage.insertMany, rowOf(settlement, cost, credits));
    return { model: settlement.model, costNanoUsd: cost, creditHundredths: credits };
  }
}

function rowOf(settlement: Settlement, cost: bigint, credits: bigint): UsageRecord {
  const { usage, price, ...facts } = settlement;
  return {
    ...facts,
    promptTokens: usage.prompt_tokens,
    cachedPromptTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage.completion_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    priceVersion: price.version,
    costNanoUsd: cost,
    creditHundredths: credits,
  };
}
