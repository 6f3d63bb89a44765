import type { ChatCompletionRequest, ResponseFormat } from '../../../contracts/openai/chat-completion.js';
import type { CallOptions, ModelResponseFormat, ReasoningEffort, SupportedUrls } from './language-model.js';
import { endsInToolResult, toPrompt } from './prompt.js';
import { refusal } from './refusal.js';
import { toToolOptions } from './tools.js';
import type { Vendor, VendorPackage } from './vendor.js';

const EFFORTS: readonly string[] = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
] satisfies ReasoningEffort[];

const JSON_INSTRUCTION = 'Answer with one JSON object and nothing else.';

/**
 * One choice of an OpenAI chat request as call options of the AI SDK.
 *
 * | OpenAI | here |
 * |---|---|
 * | messages | `prompt.ts`, `file-part.ts` |
 * | max_completion_tokens, else max_tokens | maxOutputTokens; without either Anthropic gets the package's limit for the model |
 * | temperature, top_p, stop, seed, penalties | the same; the package drops or clamps what the model does not take |
 * | tools, tool_choice, parallel_tool_calls | `tools.ts`; custom tools and `functions` are refused |
 * | response_format | JSON with or without schema, by instruction where the vendor has no switch |
 * | reasoning_effort | the vendor's own options |
 * | n | not here: the adapter makes n calls |
 * | logprobs, audio out | refused: the answer would lack what was asked for |
 * | service_tier but the standard one, web_search_options | refused: they are paid for and would not be had |
 * | logit_bias, prediction, verbosity, store, metadata, user, safety_identifier, prompt_cache_key | ignored: they only nudge |
 *
 * @throws UpstreamError `upstream_rejected_request`
 */
export function toCallOptions(
  request: ChatCompletionRequest,
  vendor: Vendor,
  vendorPackage: Pick<VendorPackage, 'options'>,
  urls: SupportedUrls,
): CallOptions {
  refuseWhatCannotBeAnswered(request);
  const prompt = toPrompt(request.messages, { media: vendor.media, urls });
  const responseFormat = toResponseFormat(request.response_format);
  if (
    responseFormat?.type === 'json' &&
    responseFormat.schema === undefined &&
    vendor.jsonObject === 'instruction'
  ) {
    prompt.unshift({ role: 'system', content: JSON_INSTRUCTION });
  }
  const toolOptions = toToolOptions(request);
  const maxOutputTokens = request.max_completion_tokens ?? request.max_tokens;
  const stop = typeof request.stop === 'string' ? [request.stop] : request.stop;
  return {
    prompt,
    ...toolOptions,
    ...defined({
      maxOutputTokens,
      temperature: request.temperature,
      // 1 changes nothing, and beside a temperature some vendors refuse any.
      topP: request.top_p === 1 ? undefined : request.top_p,
      stopSequences: stop?.length === 0 ? undefined : stop,
      seed: request.seed,
      presencePenalty: request.presence_penalty,
      frequencyPenalty: request.frequency_penalty,
      responseFormat,
    }),
    ...vendorPackage.options({
      modelId: request.model,
      maxOutputTokens,
      effort: isEffort(request.reasoning_effort) ? request.reasoning_effort : undefined,
      parallelToolCalls: toolOptions.tools === undefined ? undefined : request.parallel_tool_calls,
      toolForced: toolOptions.toolChoice?.type === 'required' || toolOptions.toolChoice?.type === 'tool',
      insideToolLoop: endsInToolResult(prompt),
    }),
  };
}

function refuseWhatCannotBeAnswered(request: ChatCompletionRequest): void {
  if (request.logprobs === true) throw refusal('This model does not give log probabilities.', 'logprobs');
  if (request.modalities?.includes('audio'))
    throw refusal('This model does not answer in audio.', 'modalities');
  const { service_tier: tier = 'default' } = request;
  if (tier !== 'default' && tier !== 'auto')
    throw refusal("This model has no service tiers. Leave 'service_tier' out.", 'service_tier');
  if (request.web_search_options !== undefined)
    throw refusal(
      "This model does not search the web. Leave 'web_search_options' out.",
      'web_search_options',
    );
}

function toResponseFormat(format: ResponseFormat | undefined): ModelResponseFormat | undefined {
  if (format === undefined || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json' };
  const { name, description, schema } = format.json_schema;
  return { type: 'json', name, ...defined({ description, schema }) };
}

function isEffort(effort: string | undefined): effort is ReasoningEffort {
  return effort !== undefined && EFFORTS.includes(effort);
}

/** The object without its undefined members. */
function defined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
