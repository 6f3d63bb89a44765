import type { LanguageModel } from 'ai';

export interface AiSdkConnection {
  readonly baseURL: string;
  readonly apiKey: string;
}

/** A provider package, ready to be asked for models. */
export interface AiSdkProvider {
  chat(connection: AiSdkConnection, modelId: string): LanguageModel;
  /** A chat model that asks for usage in streams; left out: `chat` does. */
  chatWithUsage?(connection: AiSdkConnection, modelId: string): LanguageModel;
  completion(connection: AiSdkConnection, modelId: string): LanguageModel;
  readonly readsReasoning: boolean;
  readonly readsRefusals: boolean;
}

/** A provider's models on the surface under test. */
export interface AiSdkModels {
  chat(modelId: string, apiKey?: string): LanguageModel;
  chatWithUsage(modelId: string): LanguageModel;
  completion(modelId: string): LanguageModel;
}
