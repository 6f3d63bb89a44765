import type { ChatChoice, FunctionToolCall } from '../../../contracts/openai/chat-completion.js';
import type { FinishReasonReader } from './finish-reason.js';
import type { Content, GenerateResult } from './language-model.js';

/**
 * A whole answer of the AI SDK as one choice. Calls of the vendor's own tools, sources and generated files are left out:
 * the wire has no place for them.
 *
 * @throws UpstreamError what the reader of the finish reason throws
 */
export function toChatChoice(
  result: Pick<GenerateResult, 'content' | 'finishReason'>,
  index: number,
  finishReason: FinishReasonReader,
): ChatChoice {
  const text = joined(result.content, 'text');
  const reasoning = joined(result.content, 'reasoning');
  const toolCalls = result.content.flatMap(toToolCall);
  return {
    index,
    message: {
      role: 'assistant',
      content: text === '' && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
    },
    finish_reason: finishReason(result.finishReason),
    logprobs: null,
  };
}

function joined(content: readonly Content[], type: 'text' | 'reasoning'): string {
  return content.map((part) => (part.type === type ? part.text : '')).join('');
}

function toToolCall(part: Content): FunctionToolCall[] {
  if (part.type !== 'tool-call' || part.providerExecuted === true) return [];
  return [
    { id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: part.input } },
  ];
}
