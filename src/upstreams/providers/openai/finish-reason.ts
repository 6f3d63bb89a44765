import type { FinishReason } from '../../../contracts/openai/chat-completion.js';
import { generationFailed } from '../../upstream-failures.js';

/**
 * Why a choice ended, in OpenAI's words. `failed`: the upstream gave up, so what there is of the answer is no answer.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object (`choices[].finish_reason`; read 2026-11)
 * @see https://openrouter.ai/docs/api-reference/overview (adds `error`)
 * @see https://docs.mistral.ai/api/ (adds `model_length`, `error`)
 * @see https://api-docs.deepseek.com/api/create-chat-completion (adds `insufficient_system_resource`)
 * @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (adds `abort`)
 * @see https://huggingface.co/docs/text-generation-inference/reference/api_reference (`eos_token`, `stop_sequence`)
 * The words of Anthropic and Gemini stand here because relays in front of them pass them on.
 */
const FINISH_REASONS: ReadonlyMap<string, FinishReason | 'failed'> = new Map<string, FinishReason | 'failed'>(
  [
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'tool_calls'],
    ['content_filter', 'content_filter'],
    ['function_call', 'function_call'],

    ['eos', 'stop'],
    ['eos_token', 'stop'],
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['STOP', 'stop'],

    ['max_tokens', 'length'],
    ['MAX_TOKENS', 'length'],
    ['model_length', 'length'],

    ['tool_use', 'tool_calls'],

    ['refusal', 'content_filter'],
    ['safety', 'content_filter'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],

    ['error', 'failed'],
    ['abort', 'failed'],
    ['insufficient_system_resource', 'failed'],
  ],
);

/** @returns `null` while a choice goes on. @throws UpstreamError upstream_error where the upstream gave the choice up */
export type FinishReasonReader = (value: unknown) => FinishReason | null;

/** @param onUnknown told of a reason that is not in the table, which then counts as `stop` */
export function finishReasonReader(onUnknown: (reason: string) => void): FinishReasonReader {
  return (value) => {
    if (typeof value !== 'string' || value === '') return null;
    const reason = FINISH_REASONS.get(value);
    if (reason === 'failed') throw generationFailed(value);
    if (reason !== undefined) return reason;
    onUnknown(value.slice(0, 64));
    return 'stop';
  };
}
