import type { ChatCompletionRequest, ChatMessage } from '../../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../contracts/openai/completion.js';

/** Choices that are shown for each prompt. */
export function choiceCount(request: CompletionRequest): number {
  return request.n ?? 1;
}

/** Choices that are generated for each prompt, of which the best are shown. */
export function candidateCount(request: CompletionRequest): number {
  return Math.max(choiceCount(request), request.best_of ?? 1);
}

/**
 * The chat request that stands in for one prompt of a legacy completion: the prompt as the user's only message.
 * Sampling fields go along as they are. Log probabilities are asked for where the client did, and where candidates
 * must be ranked.
 */
export function toChatRequest(request: CompletionRequest, prompt: string): ChatCompletionRequest {
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
  const sent: ChatCompletionRequest = { ...carried, messages: toMessages(prompt, suffix) };
  if (candidates > 1) sent.n = candidates;
  if (logprobs !== undefined) {
    sent.logprobs = true;
    sent.top_logprobs = logprobs;
  } else if (candidates > choiceCount(request)) {
    sent.logprobs = true;
  }
  return sent;
}

function toMessages(prompt: string, suffix: string | undefined): ChatMessage[] {
  const user: ChatMessage = { role: 'user', content: prompt };
  return suffix === undefined || suffix === ''
    ? [user]
    : [{ role: 'system', content: bridgeTo(suffix) }, user];
}

/** Chat has no place for a text that comes after the answer. */
function bridgeTo(suffix: string): string {
  return (
    "Continue the user's text so that it runs on into the text below. " +
    `Reply with what stands between the two and repeat neither.\n\n${suffix}`
  );
}
