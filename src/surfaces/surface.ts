/**
 * The three published dialects as data. Whatever differs between them on the wire stands here and nowhere else;
 * code asks the surface, never "which one are you".
 * @see docs/surfaces.md
 */
export type SurfaceName = 'waterflai' | 'qolaba' | 'lightningrod';

export interface Surface {
  readonly name: SurfaceName;
  /** The header that names the caller when several are present. */
  readonly nativeKeyHeader: 'x-api-key' | 'authorization';
  /** How a request that breaks a rule is refused: OpenAI's single error (400) or FastAPI's list (422). */
  readonly validation: 'openai' | 'pydantic';
  /** Whether error bodies repeat the message as a top-level `detail`. */
  readonly errorDetail: boolean;
  /** The status of any upstream failure, where the dialect has a single one for them all. */
  readonly inferenceFailureStatus: number | undefined;
  readonly streamOptionsWithoutStream: 'refuse' | 'ignore';
  /** The delta of a choice's first chunk, as JSON text. */
  readonly firstDeltaJson: string;
  /** `message.content` of an answer that only calls tools. */
  readonly contentOfToolCalls: '' | null;
  /** What to say for finish reasons that the dialect's enum lacks. */
  readonly finishReasons: Readonly<Record<'content_filter' | 'function_call', string>>;
  /** Credits and cost beside the token counts, and the trailer after `[DONE]` that repeats them. */
  readonly credits: boolean;
  /** `max_tokens` of a legacy completion that names none; `undefined`: the model's limit. */
  readonly completionMaxTokensDefault: number | undefined;
  /** Whether `conversation_id` is part of the dialect. */
  readonly conversations: boolean;
  /** `owned_by` of a model that has no owner. */
  readonly defaultModelOwner: string;
}

const FIRST_DELTA_OPENAI = '{"role":"assistant","content":"","refusal":null}';

/** W: Waterflai's chatbots, and the root that OpenAI clients use by default. */
export const WATERFLAI: Surface = {
  name: 'waterflai',
  nativeKeyHeader: 'x-api-key',
  validation: 'openai',
  errorDetail: true,
  inferenceFailureStatus: 499,
  streamOptionsWithoutStream: 'refuse',
  firstDeltaJson: FIRST_DELTA_OPENAI,
  contentOfToolCalls: '',
  finishReasons: { content_filter: 'stop', function_call: 'tool_calls' },
  credits: false,
  completionMaxTokensDefault: 16,
  conversations: true,
  defaultModelOwner: 'tollgate',
};

/** Q: Qolaba, credits in every usage. */
export const QOLABA: Surface = {
  name: 'qolaba',
  nativeKeyHeader: 'authorization',
  validation: 'openai',
  errorDetail: false,
  inferenceFailureStatus: undefined,
  streamOptionsWithoutStream: 'ignore',
  firstDeltaJson: '{"role":"assistant"}',
  contentOfToolCalls: null,
  finishReasons: { content_filter: 'content_filter', function_call: 'function_call' },
  credits: true,
  completionMaxTokensDefault: 16,
  conversations: false,
  defaultModelOwner: 'tollgate',
};

/** L: LightningRod, a FastAPI service by its validation errors. */
export const LIGHTNINGROD: Surface = {
  name: 'lightningrod',
  nativeKeyHeader: 'authorization',
  validation: 'pydantic',
  errorDetail: true,
  inferenceFailureStatus: undefined,
  streamOptionsWithoutStream: 'ignore',
  firstDeltaJson: FIRST_DELTA_OPENAI,
  contentOfToolCalls: '',
  finishReasons: { content_filter: 'content_filter', function_call: 'function_call' },
  credits: false,
  completionMaxTokensDefault: undefined,
  conversations: false,
  defaultModelOwner: 'lightningrodlabs',
};

export const SURFACES: Readonly<Record<SurfaceName, Surface>> = {
  waterflai: WATERFLAI,
  qolaba: QOLABA,
  lightningrod: LIGHTNINGROD,
};

/** Longest prefix first, so that the first hit is the longest. */
const PREFIXES: readonly (readonly [prefix: string, surface: Surface])[] = [
  ['/api/public/v1/openai', LIGHTNINGROD],
  ['/v1/chat/models', QOLABA],
  ['/admin/v1', QOLABA],
  ['/api/v1', QOLABA],
];

/** The dialect of a path that no route took, by its longest matching prefix; W at the root. */
export function surfaceOfPath(path: string): Surface {
  for (const [prefix, surface] of PREFIXES) {
    if (path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'))
      return surface;
  }
  return WATERFLAI;
}
