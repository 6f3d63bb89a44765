import { Injectable } from '@nestjs/common';
import { TokenCounter } from '../billing/token-counter.js';
import type { ResolvedChatbot } from '../chatbots/chatbot.js';
import type { CompletionPrompt } from '../contracts/openai/completion.js';
import { answerLimit } from '../inference/answer-limit.js';
import { perChoiceLimit } from '../inference/chat.endpoint.js';
import type { PresetCompletionRequest } from '../inference/completions/chat-preset.js';
import type { Job } from '../inference/job.js';
import { countPromptTokens, promptTokensAtMost, type PromptMeasure } from '../inference/prompt.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { CompletionAnswer, CompletionChunk } from '../upstreams/upstream.port.js';
import { toChatbotCompletion } from './chatbot-completion.js';

export type CompletionJob = Job<PresetCompletionRequest, CompletionAnswer, CompletionChunk>;

/** Legacy completions by a chatbot: over chat with its prompt and settings, and without memory. */
@Injectable()
export class ChatbotCompletionsService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly counter: TokenCounter,
  ) {}

  /** @throws ModelNotFoundError, ValidationFailedError */
  async prepare({ chatbot, version }: ResolvedChatbot, job: CompletionJob): Promise<CompletionJob> {
    const { endpoint, body: asked, context } = job;
    const { request: settled, preset } = toChatbotCompletion(version.settings, asked);
    const request: PresetCompletionRequest = { ...settled, preset };
    const callersLimit = version.settings.overrides.includes('max_tokens') ? asked.max_tokens : undefined;
    const model = this.catalogue.get(request.model);
    // One limit serves all calls; the longest prompt leaves the least room for an answer.
    const prompt = endpoint.measure({ ...request, prompt: longestOf(request.prompt) }, model);
    const limit = await this.answerLimit(model.contextLength, prompt, perChoiceLimit(request, model));
    return {
      ...job,
      body: limit === undefined ? request : { ...request, max_tokens: limit },
      provenance: { chatbot: { id: chatbot.id, version: version.version } },
      options: {
        // Limits of the preset are no wish of the client's.
        limitsOutput: callersLimit !== undefined,
        modelPermitted: true,
        redactUpstreamErrors: !context.principal.manageChatbots,
      },
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
