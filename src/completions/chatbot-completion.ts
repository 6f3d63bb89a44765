import { applySettings } from '../chatbots/apply-settings.js';
import type { ChatbotSettings } from '../chatbots/chatbot.js';
import { renderSystemPrompt } from '../chatbots/system-prompt.js';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../contracts/openai/completion.js';
import type { ChatPreset } from '../inference/completions/chat-preset.js';

/** Of a legacy completion alone; a chatbot has no settings for them. */
const CALLERS_OWN = [
  'prompt',
  'suffix',
  'echo',
  'logprobs',
  'stream',
  'stream_options',
] as const satisfies readonly (keyof CompletionRequest)[];

/** Of a chat and of a legacy completion alike. */
const SHARED = [
  'model',
  'temperature',
  'top_p',
  'n',
  'max_tokens',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'logit_bias',
  'user',
] as const satisfies readonly (keyof CompletionRequest & keyof ChatCompletionRequest)[];

/** Of a chat alone. No tools: a legacy completion cannot say what they are called with. */
const CHATS_OWN = ['reasoning_effort', 'verbosity', 'response_format'] as const satisfies readonly Exclude<
  keyof ChatCompletionRequest,
  keyof CompletionRequest
>[];

/**
 * A legacy completion by a chatbot as one by the model behind it, each call of which takes the preset along. Settings
 * are found as for a chat; variables of the system prompt have the chatbot's own values.
 *
 * @throws ValidationFailedError for a variable that has none
 */
export function toChatbotCompletion(
  settings: ChatbotSettings,
  asked: CompletionRequest,
): { request: CompletionRequest; preset: ChatPreset } {
  const applied = applySettings(settings, { ...pick(asked, SHARED), messages: [] });
  const request: CompletionRequest = { ...pick(asked, CALLERS_OWN), ...pick(applied, SHARED) };
  // The only name that a legacy completion knows.
  if (applied.max_completion_tokens !== undefined) request.max_tokens = applied.max_completion_tokens;
  // How many are generated is one matter with how many are shown.
  if (asked.best_of !== undefined && settings.overrides.includes('n')) request.best_of = asked.best_of;
  const systemPrompt = renderSystemPrompt(settings, undefined);
  return {
    request,
    preset: {
      lead: systemPrompt === '' ? [] : [{ role: 'system', content: systemPrompt }],
      suffixRole: settings.acceptsInstructions ? 'system' : 'user',
      settings: pick(applied, CHATS_OWN),
    },
  };
}

function pick<From extends object, Key extends keyof From>(
  from: From,
  keys: readonly Key[],
): Pick<From, Key> {
  return Object.fromEntries(
    keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]),
  ) as Pick<From, Key>;
}
