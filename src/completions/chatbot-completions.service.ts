import { Injectable } from '@nestjs/common';
import { TokenCounter } from '../billing/token-counter.js';
import type { ResolvedChatbot } from '../chatbots/chatbot.js';
import type { Principal } from '../common/principal.js';
import type { CompletionPrompt, CompletionRequest } from '../contracts/openai/completion.js';
import { answerLimit } from '../inference/answer-limit.js';
import { perChoiceLimit } from '../inference/chat.endpoint.js';
import { completionEndpointFor } from '../inference/completions/completion.endpoint.js';
import { discreet } from '../inference/discreet.js';
import type { PreparedRequest } from '../inference/prepared-request.js';
import { countPromptTokens, promptTokensAtMost, type PromptMeasure } from '../inference/prompt.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { CompletionAnswer, CompletionChunk } from '../upstreams/upstream.port.js';
import { toChatbotCompletion } from './chatbot-completion.js';

/** Legacy completions by a chatbot: over chat with its prompt and settings, and without memory. */
@Injectable()
export class ChatbotCompletions {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly counter: TokenCounter,
  ) {}

  /** @throws ModelNotFoundError, ValidationFailedError */
  async prepare(
    { chatbot, version }: ResolvedChatbot,
    asked: CompletionRequest,
    { manageChatbots }: Principal,
  ): Promise<PreparedRequest<CompletionRequest, CompletionAnswer, CompletionChunk>> {
    const { request, preset } = toChatbotCompletion(version.settings, asked);
    const callersLimit = version.settings.overrides.includes('max_tokens') ? asked.max_tokens : undefined;
    const endpoint = completionEndpointFor(preset, callersLimit !== undefined);
    const model = this.catalogue.get(request.model);
    // One limit serves all calls; the longest prompt leaves the least room for an answer.
    const prompt = endpoint.measure({ ...request, prompt: longestOf(request.prompt) }, model);
    const limit = await this.answerLimit(model.contextLength, prompt, perChoiceLimit(request, model));
    return {
      endpoint: manageChatbots ? endpoint : discreet(endpoint),
      request: limit === undefined ? request : { ...request, max_tokens: limit },
      context: { chatbot: { id: chatbot.id, version: version.version } },
      modelPermitted: true,
    };
  }

  /** Tokens are counted only where their upper bound leaves too little: counting takes time. */
  private async answerLimit(
    contextLength: number,
    prompt: PromptMeasure,
    maxTokens: number | undefined,
  ): Promise<number | undefined> {
    // 0: an echo or nothing.
    if (!maxTokens) return maxTokens;
    const promptTokens = promptTokensAtMost(prompt);
    const limit = answerLimit({ contextLength, promptTokens, maxTokens });
    if (limit === maxTokens) return limit;
    const counted = await countPromptTokens(prompt, this.counter);
    return answerLimit({ contextLength, promptTokens: counted, maxTokens });
  }
}

function longestOf(prompt: CompletionPrompt): CompletionPrompt {
  if (typeof prompt === 'string' || typeof prompt[0] === 'number') return prompt;
  return (prompt as readonly (string | number[])[]).reduce((longest, each) =>
    each.length > longest.length ? each : longest,
  );
}
