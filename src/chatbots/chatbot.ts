import type { MemoryPolicy } from '../common/memory-policy.js';
import type {
  ChatCompletionRequest,
  ResponseFormat,
  Tool,
  ToolChoice,
} from '../contracts/openai/chat-completion.js';

/** Settings of a request that a chatbot can have values of its own for, under their wire names. */
export const SAMPLING_FIELDS = [
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'reasoning_effort',
  'verbosity',
] as const satisfies readonly (keyof ChatCompletionRequest)[];
export type ChatbotSampling = Pick<ChatCompletionRequest, (typeof SAMPLING_FIELDS)[number]>;

/** Fields of a request that a chatbot may keep to itself. */
export const OVERRIDABLE_FIELDS = [...SAMPLING_FIELDS, 'n', 'tools', 'response_format'] as const;
export type OverridableField = (typeof OVERRIDABLE_FIELDS)[number];

/** What one version of a chatbot holds; never changed. */
export interface ChatbotSettings {
  readonly name: string;
  readonly description: string;
  /** Public id of the model behind it. */
  readonly model: string;
  /** With `{{variables}}`; empty: none. */
  readonly systemPrompt: string;
  /** Values of variables that a request does not fill. */
  readonly variables: Readonly<Record<string, string>>;
  /** Absent fields have the defaults of Waterflai's description: 0.7, 1, 4096. */
  readonly sampling: ChatbotSampling;
  readonly tools?: readonly Tool[] | undefined;
  readonly toolChoice?: ToolChoice | undefined;
  readonly responseFormat?: ResponseFormat | undefined;
  readonly memory: MemoryPolicy;
  /** What a request's own settings may change. */
  readonly overrides: readonly OverridableField[];
  /** Whether callers' `system` and `developer` messages are instructions; if not, they reach the model as the user's. */
  readonly acceptsInstructions: boolean;
}

/** A chatbot without the settings of its versions. */
export interface Chatbot {
  /** `bot_…` */
  readonly id: string;
  readonly accountId: string;
  /** Keys that may use it; `undefined`: all of the account's. */
  readonly keyIds: readonly string[] | undefined;
  readonly newestVersion: number;
  /** What callers get; `undefined`: nothing yet. */
  readonly publishedVersion: number | undefined;
  /** Raised by every change. */
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ChatbotVersion {
  readonly chatbotId: string;
  /** From 1. */
  readonly version: number;
  readonly settings: ChatbotSettings;
  readonly restoredFrom: number | undefined;
  readonly createdAtMs: number;
}

/** A chatbot that a key may use, in the version that the request named or that is published. */
export interface ResolvedChatbot {
  readonly chatbot: Chatbot;
  readonly version: ChatbotVersion;
}
