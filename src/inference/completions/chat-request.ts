import type { ChatCompletionRequest, ChatMessage } from '../../contracts/openai/chat-completion.js';
import type { CompletionPrompt, CompletionRequest } from '../../contracts/openai/completion.js';
import { NO_PRESET, type ChatPreset } from './chat-preset.js';

/** `number[]` is one prompt; `string[]` and `number[][]` are as many as they have items. */
export function promptCount(prompt: CompletionPrompt): number {
  return typeof prompt === 'string' || typeof prompt[0] === 'number' ? 1 : prompt.length;
}

/** Choices that are shown for each prompt. */
export function choiceCount(request: CompletionRequest): number {
  return request.n ?? 1;
}

/** Choices that are generated for each prompt, of which the best are shown. */
export function candidateCount(request: CompletionRequest): number {
  return Math.max(choiceCount(request), request.best_of ?? 1);
}

/**
 * The chat request that stands in for one prompt of a legacy completion: the prompt as the user's last message.
 * Sampling fields go along as they are. Log probabilities are asked for where the client did, and where candidates
 * must be ranked.
 */
export function toChatRequest(
  request: CompletionRequest,
  prompt: string,
  preset: ChatPreset = NO_PRESET,
): ChatCompletionRequest {
  const {
    prompt: _prompt,
    suffix,
    echo: _echo,
    n: _n,
    best_of: _bestOf,
    logprobs,
    stream: _stream,
    stream_options: _streamOptions,
    ...carried
  } = request;
  const candidates = candidateCount(request);
  const sent: ChatCompletionRequest = {
    ...carried,
    ...preset.settings,
    messages: [...messagesBefore(suffix, preset), { role: 'user', content: prompt }],
  };
  // Models that reason know the newer name alone.
  if (sent.reasoning_effort !== undefined && sent.max_tokens !== undefined) {
    sent.max_completion_tokens = sent.max_tokens;
    delete sent.max_tokens;
  }
  if (candidates > 1) sent.n = candidates;
  if (logprobs !== undefined) {
    sent.logprobs = true;
    sent.top_logprobs = logprobs;
  } else if (candidates > choiceCount(request)) {
    sent.logprobs = true;
  }
  return sent;
}

/** What every prompt of a request has before it. */
export function messagesBefore(suffix: string | undefined, { lead, suffixRole }: ChatPreset): ChatMessage[] {
  return suffix === undefined || suffix === ''
    ? [...lead]
    : [...lead, { role: suffixRole, content: bridgeTo(suffix) }];
}

/** Chat has no place for a text that comes after the answer. */
function bridgeTo(suffix: string): string {
  return (
    "Continue the user's text so that it runs on into the text below. " +
    `Reply with what stands between the two and repeat neither.\n\n${suffix}`
  );
}
