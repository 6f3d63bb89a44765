import { badResponse } from '../../upstream-failures.js';
import { isObject } from './json-value.js';

/**
 * `content` as text. Some vendors send parts (Mistral's reasoning models): their texts are joined and other parts,
 * such as thoughts, left out.
 * @throws UpstreamError upstream_bad_response for anything else
 */
export function contentText(content: unknown): string | null {
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) return null;
  if (!Array.isArray(content)) throw badResponse('content is neither text nor parts');
  return content
    .map((part: unknown) => (isObject(part) && typeof part.text === 'string' ? part.text : ''))
    .join('');
}

/** DeepSeek and others say `reasoning_content`, OpenRouter and newer vLLM `reasoning`. */
export function reasoningText(message: Record<string, unknown>): string | undefined {
  // Those that say both say the same.
  const { reasoning_content: older, reasoning: newer } = message;
  if (typeof older === 'string' && older !== '') return older;
  return typeof newer === 'string' && newer !== '' ? newer : undefined;
}

/** A tool's arguments are JSON text; Ollama and others have sent the object itself. */
export function argumentsText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isObject(value) ? JSON.stringify(value) : undefined;
}
