import { createOpenAICompatible } from 'ai-sdk-compatible-1';
import type { AiSdkConnection } from './ai-sdk-client.js';
import { describeAiSdk } from './ai-sdk.js';

const connect = (connection: AiSdkConnection, includeUsage: boolean) =>
  createOpenAICompatible({ ...connection, name: 'tollgate', includeUsage, supportsStructuredOutputs: true });

describeAiSdk('ai-sdk-compatible-1', {
  chat: (connection, modelId) => connect(connection, false).chatModel(modelId),
  chatWithUsage: (connection, modelId) => connect(connection, true).chatModel(modelId),
  completion: (connection, modelId) => connect(connection, false).completionModel(modelId),
  readsReasoning: true,
  readsRefusals: false,
});
