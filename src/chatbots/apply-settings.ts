import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { Issue } from '../contracts/validation/issue.js';
import { checkToolUse } from '../contracts/validation/tools.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { SAMPLING_FIELDS, type ChatbotSettings, type OverridableField } from './chatbot.js';

/** The defaults of a chatbot's settings; a plain model has none (Waterflai's description; OpenAI's CreateChatCompletion). */
export const DEFAULT_TEMPERATURE = 0.7;
export const DEFAULT_TOP_P = 1;
/** Capped by the model where the request goes upstream. */
export const DEFAULT_MAX_TOKENS = 4096;

/** What a caller may set for themselves at any chatbot: it changes how an answer is told, not what it is. */
const CALLERS_OWN = [
  'stream',
  'stream_options',
  'logprobs',
  'top_logprobs',
  'modalities',
  'audio',
  'prediction',
  'service_tier',
  'store',
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
] as const satisfies readonly (keyof ChatCompletionRequest)[];

/** All that offers tools to the model, or says how they are used. */
const TOOL_FIELDS = [
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'web_search_options',
] as const satisfies readonly (keyof ChatCompletionRequest)[];

/**
 * A request to a chatbot as one to the model behind it: the request's own settings where the chatbot lets them be set,
 * its own or the defaults otherwise. Messages are left as they are.
 *
 * @throws ValidationFailedError where the caller says how tools are used and there are none, or others
 */
export function applySettings(
  { model, sampling, overrides, ...settings }: ChatbotSettings,
  asked: ChatCompletionRequest,
): ChatCompletionRequest {
  const mayOverride = (field: OverridableField): boolean => overrides.includes(field);
  const request: ChatCompletionRequest = { model, messages: asked.messages };
  for (const field of CALLERS_OWN) copy(field, asked, request);
  for (const field of SAMPLING_FIELDS)
    copy(field, mayOverride(field) ? { ...sampling, ...asked } : sampling, request);
  if (mayOverride('n')) copy('n', asked, request);
  if (mayOverride('temperature')) copy('logit_bias', asked, request);

  const askedMaxTokens = asked.max_completion_tokens ?? asked.max_tokens;
  const maxTokens = mayOverride('max_tokens') ? askedMaxTokens : undefined;
  // Models that reason know the newer name alone, many servers that speak OpenAI's protocol the older one.
  const newerName =
    request.reasoning_effort !== undefined ||
    (maxTokens !== undefined && asked.max_completion_tokens !== undefined);
  delete request.max_tokens;
  request[newerName ? 'max_completion_tokens' : 'max_tokens'] =
    maxTokens ?? sampling.max_tokens ?? DEFAULT_MAX_TOKENS;
  // Models that reason refuse a temperature; whoever sets how much they reason means such a model.
  if (request.reasoning_effort === undefined) {
    request.temperature ??= DEFAULT_TEMPERATURE;
    request.top_p ??= DEFAULT_TOP_P;
  }

  const callersTools = mayOverride('tools');
  const { tools, toolChoice, responseFormat } = settings;
  if (tools !== undefined && tools.length > 0) request.tools = [...tools];
  if (toolChoice !== undefined) request.tool_choice = toolChoice;
  if (callersTools) {
    // Tools of the caller's stand in place of the chatbot's, with the caller's choice among them.
    if (asked.tools !== undefined || asked.functions !== undefined) {
      delete request.tools;
      delete request.tool_choice;
    }
    for (const field of TOOL_FIELDS) copy(field, asked, request);
    // Of functions alone: beside the chatbot's tools upstreams refuse it.
    if (request.functions === undefined) delete request.function_call;
    refuseMisuse(asked, request.tools);
  }
  if (responseFormat !== undefined) request.response_format = responseFormat;
  if (mayOverride('response_format')) copy('response_format', asked, request);
  return request;
}

function refuseMisuse(asked: ChatCompletionRequest, tools: ChatCompletionRequest['tools']): void {
  const issues: Issue[] = [];
  checkToolUse(asked, tools, (issue) => issues.push(issue));
  const [first, ...others] = issues;
  if (first !== undefined) throw new ValidationFailedError([first, ...others], asked);
}

function copy<Field extends keyof ChatCompletionRequest>(
  field: Field,
  from: Partial<Pick<ChatCompletionRequest, Field>>,
  to: Pick<ChatCompletionRequest, Field>,
): void {
  const value = from[field];
  if (value !== undefined) to[field] = value as ChatCompletionRequest[Field];
}
