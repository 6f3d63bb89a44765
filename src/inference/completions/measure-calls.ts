import type { CompletionPrompt, CompletionRequest } from '../../contracts/openai/completion.js';
import { measureChat, measureCompletion, type PromptMeasure } from '../prompt.js';
import type { ChatPreset } from './chat-preset.js';
import { candidateCount, messagesBefore, promptCount } from './chat-request.js';

/** What all chat calls of a legacy completion read together: each prompt, and for each what the preset puts around it. */
export function measureCalls(request: CompletionRequest, preset: ChatPreset): PromptMeasure {
  const prompts = measureCompletion(request.prompt, undefined, candidateCount(request));
  // Nobody is called for that.
  if (request.max_tokens === 0) return prompts;
  const around = measureChat({
    ...preset.settings,
    model: request.model,
    messages: [...messagesBefore(request.suffix, preset), { role: 'user', content: '' }],
  });
  const calls = promptCount(request.prompt);
  return {
    texts: prompts.texts,
    repeated: { texts: around.texts, times: calls },
    chars: around.chars * calls + prompts.chars,
    extraTokens: around.extraTokens * calls + prompts.extraTokens,
    mediaParts: 0,
    reads: prompts.reads,
  };
}

/** Of the call that is made first. */
export function measureFirst(request: CompletionRequest, preset: ChatPreset): PromptMeasure {
  const { prompt } = request;
  if (promptCount(prompt) === 1) return measureCalls(request, preset);
  return measureCalls({ ...request, prompt: prompt.slice(0, 1) as CompletionPrompt }, preset);
}
