import { aiSdkAnswers } from './ai-sdk-answers.js';
import type { AiSdkModels, AiSdkProvider } from './ai-sdk-client.js';
import { aiSdkFailures } from './ai-sdk-failures.js';
import { describeClient } from './describe-client.js';

/** Declares what every provider package of the AI SDK must get, on each surface, driven by `ai`. */
export function describeAiSdk(packageName: string, provider: AiSdkProvider): void {
  describeClient(`${packageName}+ai`, (context) => {
    const connection = (apiKey = context.apiKey) => ({ baseURL: context.baseUrl, apiKey });
    const models: AiSdkModels = {
      chat: (modelId, apiKey) => provider.chat(connection(apiKey), modelId),
      chatWithUsage: (modelId) => (provider.chatWithUsage ?? provider.chat)(connection(), modelId),
      completion: (modelId) => provider.completion(connection(), modelId),
    };
    return { ...aiSdkAnswers(models, provider, context), ...aiSdkFailures(models, provider, context) };
  });
}
