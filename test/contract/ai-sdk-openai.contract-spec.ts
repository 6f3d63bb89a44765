import { createOpenAI } from '@ai-sdk/openai';
import { describeAiSdk } from './ai-sdk.js';

// Its default model speaks the Responses API, so `.chat()`; it always asks for usage and reads no reasoning_content.
describeAiSdk('@ai-sdk/openai', {
  chat: (connection, modelId) => createOpenAI(connection).chat(modelId),
  completion: (connection, modelId) => createOpenAI(connection).completion(modelId),
  readsReasoning: false,
  readsRefusals: true,
});
