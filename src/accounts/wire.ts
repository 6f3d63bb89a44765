import { unixSeconds } from '../common/clock/unix-seconds.js';
import { costUsd7, creditsNumber } from '../common/money/wire-amounts.js';
import { formatPicoUsd } from '../common/money/usd.js';
import type { LedgerEntry } from '../billing/ledger.repository.js';
import type { RequestRecord } from '../billing/request-record.repository.js';
import type { LedgerRow } from '../contracts/accounts/ledger-row.dto.js';
import type { RequestStory } from '../contracts/accounts/request-story.dto.js';

export function toLedgerRow(entry: LedgerEntry): LedgerRow {
  return {
    object: 'ledger_entry',
    id: entry.id,
    type: entry.type,
    amount: creditsNumber(entry.amountHundredths),
    created: unixSeconds(entry.createdAtMs),
    account_id: entry.accountId,
    key_id: entry.keyId ?? null,
    request_id: entry.requestId ?? null,
    reason: entry.reason ?? null,
    price_version: entry.priceVersion ?? null,
    usage_source: entry.usageSource ?? null,
  };
}

export function toRequestStory({ hold, facts, events, usage, entries, price }: RequestRecord): RequestStory {
  const { context = {} } = facts;
  const paid = price ?? facts.price;
  return {
    object: 'request',
    id: hold.requestId,
    client_request_id: facts.clientRequestId ?? null,
    created: unixSeconds(hold.openedAtMs),
    account_id: hold.accountId,
    key_id: hold.keyId,
    surface: facts.surface,
    endpoint: facts.endpoint,
    model: facts.model,
    chatbot: context.chatbot ?? null,
    conversation: context.conversation ?? null,
    summary_for: context.summary_for ?? null,
    route: {
      upstream: usage?.upstream ?? facts.upstream,
      upstream_model: usage?.upstreamModel ?? facts.upstreamModel,
    },
    failed_attempts: (usage?.failedAttempts ?? []).map((attempt) => ({
      upstream: attempt.upstream,
      upstream_model: attempt.upstreamModel,
      code: attempt.code,
      upstream_status: attempt.upstreamStatus ?? null,
    })),
    streamed: facts.streamed,
    outcome: usage?.outcome ?? 'in_progress',
    finish_reason: usage?.finishReason ?? null,
    timings: { first_token_ms: usage?.firstTokenMs ?? null, duration_ms: usage?.durationMs ?? null },
    usage:
      usage === undefined
        ? null
        : {
            prompt_tokens: usage.promptTokens,
            cached_prompt_tokens: usage.cachedPromptTokens,
            completion_tokens: usage.completionTokens,
            reasoning_tokens: usage.reasoningTokens,
            total_tokens: usage.promptTokens + usage.completionTokens,
            usage_source: usage.usageSource,
          },
    price: {
      version: paid.version,
      prompt: formatPicoUsd(paid.promptPicoUsdPerToken),
      completion: formatPicoUsd(paid.completionPicoUsdPerToken),
      input_cache_read: usdOrNull(paid.cachedPromptPicoUsdPerToken),
      audio_prompt: usdOrNull(paid.audioPromptPicoUsdPerToken),
      audio_completion: usdOrNull(paid.audioCompletionPicoUsdPerToken),
      web_search: usdOrNull(paid.webSearchPicoUsd),
      service_tier: paid.serviceTier ?? null,
      source: price?.source ?? null,
      effective_from: price === undefined ? null : unixSeconds(price.effectiveFromMs),
    },
    cost_usd: costUsd7(usage?.costNanoUsd ?? 0n),
    credits: creditsNumber(usage?.creditHundredths ?? 0n),
    hold: {
      state: hold.state,
      amount: creditsNumber(hold.amountHundredths),
      budget_window: hold.budgetWindow ?? null,
      events: events.map(({ event, amountHundredths, atMs }) => ({
        event,
        amount: creditsNumber(amountHundredths),
        created: unixSeconds(atMs),
      })),
    },
    ledger: entries.map(toLedgerRow),
  };
}

function usdOrNull(picoUsd: bigint | undefined): string | null {
  return picoUsd === undefined ? null : formatPicoUsd(picoUsd);
}
