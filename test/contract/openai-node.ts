import { describeClient } from './describe-client.js';
import { openAiNodeAnswers } from './openai-node-answers.js';
import type { Connect, OpenAIClass } from './openai-node-client.js';
import { openAiNodeFailures } from './openai-node-failures.js';

/** Declares what every major of openai-node must get, on each surface. */
export function describeOpenAiNode(packageName: string, Client: OpenAIClass): void {
  describeClient(packageName, (context) => {
    const connect: Connect = (options) =>
      new Client({ apiKey: context.apiKey, baseURL: context.baseUrl, ...options });
    return { ...openAiNodeAnswers(connect, context), ...openAiNodeFailures(Client, connect, context) };
  });
}
