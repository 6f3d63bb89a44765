import type { Protocol } from '../../../contracts/protocol.js';
import type { CallOptions, LanguageModel, ReasoningEffort } from './language-model.js';
import type { ModelList } from './model-list.js';

/** How one attempt reaches its upstream. */
export interface Connection {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly fetch: typeof globalThis.fetch;
  /** Names a tool call where the vendor does not. */
  readonly generateId: () => string;
}

/** What the common call options cannot say and each vendor wants said in its own way. */
export interface VendorAsk {
  readonly modelId: string;
  readonly maxOutputTokens: number | undefined;
  readonly effort: ReasoningEffort | undefined;
  readonly parallelToolCalls: boolean | undefined;
  /** `tool_choice` demands a call. */
  readonly toolForced: boolean;
  /** The last message answers a tool call of the model. */
  readonly insideToolLoop: boolean;
}

/** A vendor's package, once loaded. */
export interface VendorPackage {
  model(id: string, connection: Connection): LanguageModel;
  /** Overrides for the call options of this request. */
  options(ask: VendorAsk): Partial<CallOptions>;
}

/** One vendor's protocol: how to load its package, and its quirks as data. */
export interface Vendor {
  readonly defaultBaseUrl: string;
  /** Imported at first use: loading a package costs more start-up time than the rest of an adapter. */
  readonly load: () => Promise<VendorPackage>;
  /** That it speaks itself. */
  readonly protocols: readonly Protocol[];
  readonly models: ModelList;
  /** Media types, or prefixes of them ending in `/`, that a message may carry. */
  readonly media: readonly string[];
  /** How to get JSON without a schema: the vendor has a switch for it, or is told in the system prompt. */
  readonly jsonObject: 'native' | 'instruction';
  /** The vendor's finish reasons that mean: the answer failed. */
  readonly failedFinishReasons: readonly string[];
  /** Words by which the vendor says that the prompt does not fit the model, always with status 400. */
  readonly contextTooLong: RegExp;
  /** What a 400 says (after its `type` or `status`) when it is the operator's affair: key, funds, region. */
  readonly operatorFault: RegExp;
}
