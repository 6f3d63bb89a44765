/**
 * What an OpenAI-like vendor says on the wire, with sensible defaults: bodies and events for `FakeUpstream`, and values
 * to compare with. Plain objects, so that a test can break any field of them.
 */

export interface WireUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  [detail: string]: unknown;
}

export interface WireToolCall {
  id: string;
  name: string;
  /** JSON text. */
  arguments: string;
}

interface Common {
  id?: string;
  model?: string;
  /** `null`: the vendor reports none. */
  usage?: unknown;
  finishReason?: string | null;
}

export interface ChatAnswerOptions extends Common {
  content?: string | null;
  reasoning?: string;
  refusal?: string | null;
  toolCalls?: WireToolCall[];
  /** How many choices; all say the same. */
  n?: number;
}

export interface ChatChunksOptions extends Common {
  toolCalls?: WireToolCall[];
  reasoning?: string[];
  n?: number;
}

export interface CompletionOptions extends Common {
  text?: string;
  n?: number;
}

const CREATED = 1_760_000_000;

export function wireUsage(promptTokens = 9, completionTokens = 3): WireUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** Body of a non-streamed `POST /chat/completions`. */
export function chatAnswer(options: ChatAnswerOptions = {}): Record<string, unknown> {
  const { content = 'Hello there!', refusal = null, reasoning, toolCalls, n = 1 } = options;
  const message = {
    role: 'assistant',
    content: toolCalls ? null : content,
    refusal,
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(toolCalls && { tool_calls: toolCalls.map(toWireToolCall) }),
  };
  const finish_reason = finishReason(options);
  return {
    id: options.id ?? 'chatcmpl-upstream',
    object: 'chat.completion',
    created: CREATED,
    model: options.model ?? 'fake-model',
    choices: Array.from({ length: n }, (_, index) => ({ index, message, logprobs: null, finish_reason })),
    ...usageField(options),
    system_fingerprint: 'fp_fake',
  };
}

/**
 * Events of a streamed `POST /chat/completions`, without the `[DONE]` (which `sse()` adds): a role chunk, one chunk a
 * text piece, a finish chunk, and a usage chunk. A string is cut before each space.
 */
export function chatChunks(
  text: string | string[] = 'Hello there!',
  options: ChatChunksOptions = {},
): Record<string, unknown>[] {
  const { n = 1, reasoning = [], toolCalls = [] } = options;
  const deltas: Record<string, unknown>[] = [
    { role: 'assistant', content: toolCalls.length > 0 ? null : '', refusal: null },
    ...reasoning.map((piece) => ({ reasoning_content: piece })),
    ...(toolCalls.length > 0 ? toolCalls.flatMap(toolCallDeltas) : cut(text).map((content) => ({ content }))),
  ];
  const chunk = (choices: unknown[], extra = {}) => ({
    id: options.id ?? 'chatcmpl-upstream',
    object: 'chat.completion.chunk',
    created: CREATED,
    model: options.model ?? 'fake-model',
    system_fingerprint: 'fp_fake',
    choices,
    ...extra,
  });
  const indices = Array.from({ length: n }, (_, index) => index);
  const usage = usageField(options);
  return [
    ...deltas.flatMap((delta) =>
      indices.map((index) => chunk([{ index, delta, logprobs: null, finish_reason: null }])),
    ),
    ...(options.finishReason === null
      ? []
      : indices.map((index) =>
          chunk([{ index, delta: {}, logprobs: null, finish_reason: finishReason(options) }]),
        )),
    ...('usage' in usage ? [chunk([], usage)] : []),
  ];
}

/** Body of a non-streamed `POST /completions`. */
export function completionAnswer(options: CompletionOptions = {}): Record<string, unknown> {
  const { text = 'Hello there!', n = 1 } = options;
  return {
    id: options.id ?? 'cmpl-upstream',
    object: 'text_completion',
    created: CREATED,
    model: options.model ?? 'fake-model',
    choices: Array.from({ length: n }, (_, index) => ({
      text,
      index,
      logprobs: null,
      finish_reason: finishReason(options),
    })),
    ...usageField(options),
  };
}

/** Events of a streamed `POST /completions`, without the `[DONE]`. The last text piece carries the finish reason. */
export function completionChunks(
  text: string | string[] = 'Hello there!',
  options: CompletionOptions = {},
): Record<string, unknown>[] {
  const chunk = (choices: unknown[], extra = {}) => ({
    id: options.id ?? 'cmpl-upstream',
    object: 'text_completion',
    created: CREATED,
    model: options.model ?? 'fake-model',
    choices,
    ...extra,
  });
  const pieces = cut(text);
  const indices = Array.from({ length: options.n ?? 1 }, (_, index) => index);
  const usage = usageField(options);
  return [
    ...pieces.flatMap((piece, i) =>
      indices.map((index) =>
        chunk([
          {
            text: piece,
            index,
            logprobs: null,
            finish_reason: i === pieces.length - 1 ? finishReason(options) : null,
          },
        ]),
      ),
    ),
    ...('usage' in usage ? [chunk([], usage)] : []),
  ];
}

/** Body of `GET /models`. */
export function modelList(...ids: string[]): Record<string, unknown> {
  return {
    object: 'list',
    data: ids.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'fake' })),
  };
}

/** OpenAI's error body. */
export function wireError(
  message: string,
  fields: { type?: string; param?: string | null; code?: string | number | null } = {},
): { error: Record<string, unknown> } {
  return { error: { message, type: 'invalid_request_error', param: null, code: null, ...fields } };
}

function finishReason(options: Common & { toolCalls?: WireToolCall[] }): string | null {
  if (options.finishReason !== undefined) return options.finishReason;
  return options.toolCalls && options.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

function usageField(options: Common): { usage?: unknown } {
  if (options.usage === null) return {};
  return { usage: options.usage === undefined ? wireUsage() : options.usage };
}

function cut(text: string | string[]): string[] {
  return Array.isArray(text) ? text : text.split(/(?= )/);
}

function toWireToolCall(call: WireToolCall): Record<string, unknown> {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } };
}

/** Id and name once, then the arguments in two fragments. */
function toolCallDeltas(call: WireToolCall, index: number): Record<string, unknown>[] {
  const middle = Math.ceil(call.arguments.length / 2);
  return [
    { tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }] },
    { tool_calls: [{ index, function: { arguments: call.arguments.slice(0, middle) } }] },
    { tool_calls: [{ index, function: { arguments: call.arguments.slice(middle) } }] },
  ];
}
