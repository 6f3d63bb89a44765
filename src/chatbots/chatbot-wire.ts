import { unixSeconds } from '../common/clock/unix-seconds.js';
import type { MemoryPolicy } from '../common/memory-policy.js';
import type { ChatbotSettings, ChatbotVersion, ResolvedChatbot } from './chatbot.js';
import type {
  ChatbotChange,
  ChatbotComparison,
  ChatbotObject,
  ChatbotSettingsObject,
  ChatbotVersionObject,
} from './chatbot-objects.dto.js';
import type { MemoryFields } from './chatbots.dto.js';

/** @param found with its newest version */
export function toChatbotObject({ chatbot, version }: ResolvedChatbot): ChatbotObject {
  return {
    object: 'chatbot',
    id: chatbot.id,
    account_id: chatbot.accountId,
    ...toSettingsObject(version.settings),
    keys: chatbot.keyIds ?? null,
    version: chatbot.newestVersion,
    published_version: chatbot.publishedVersion ?? null,
    status: chatbot.publishedVersion === chatbot.newestVersion ? 'published' : 'draft',
    revision: chatbot.revision,
    created: unixSeconds(chatbot.createdAtMs),
    updated: unixSeconds(chatbot.updatedAtMs),
  };
}

/** @param publishedVersion of its chatbot */
export function toVersionObject(
  version: ChatbotVersion,
  publishedVersion: number | undefined,
): ChatbotVersionObject {
  return {
    object: 'chatbot.version',
    chatbot_id: version.chatbotId,
    version: version.version,
    published: version.version === publishedVersion,
    restored_from: version.restoredFrom ?? null,
    created: unixSeconds(version.createdAtMs),
    ...toSettingsObject(version.settings),
  };
}

/** Field by field, as they are on the wire. */
export function toComparison(from: ChatbotVersion, to: ChatbotVersion): ChatbotComparison {
  const before = toSettingsObject(from.settings);
  const after = toSettingsObject(to.settings);
  const changes = (Object.keys(before) as (keyof ChatbotSettingsObject)[])
    .map((field): ChatbotChange => ({ field, from: before[field], to: after[field] }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
  return { object: 'chatbot.comparison', from: from.version, to: to.version, changes };
}

function toSettingsObject(settings: ChatbotSettings): ChatbotSettingsObject {
  const { sampling } = settings;
  return {
    name: settings.name,
    description: settings.description,
    model: settings.model,
    system_prompt: settings.systemPrompt,
    variables: settings.variables,
    temperature: sampling.temperature ?? null,
    top_p: sampling.top_p ?? null,
    max_tokens: sampling.max_tokens ?? null,
    stop: sampling.stop ?? null,
    presence_penalty: sampling.presence_penalty ?? null,
    frequency_penalty: sampling.frequency_penalty ?? null,
    seed: sampling.seed ?? null,
    reasoning_effort: sampling.reasoning_effort ?? null,
    verbosity: sampling.verbosity ?? null,
    tools: settings.tools ?? null,
    tool_choice: settings.toolChoice ?? null,
    response_format: settings.responseFormat ?? null,
    memory: toMemoryFields(settings.memory),
    overrides: settings.overrides,
    accepts_instructions: settings.acceptsInstructions,
  };
}

function toMemoryFields(policy: MemoryPolicy): MemoryFields {
  switch (policy.kind) {
    case 'none':
      return { policy: 'none' };
    case 'turns':
      return { policy: 'turns', turns: policy.turns };
    case 'window':
      return { policy: 'window', ...maxTokensOf(policy) };
    case 'summary':
      return {
        policy: 'summary',
        ...maxTokensOf(policy),
        ...(policy.model !== undefined && { model: policy.model }),
      };
  }
}

function maxTokensOf({ maxTokens }: { readonly maxTokens?: number | undefined }): { max_tokens?: number } {
  return maxTokens === undefined ? {} : { max_tokens: maxTokens };
}
