import { OVERRIDABLE_FIELDS, type Chatbot, type ChatbotSettings } from '../../src/chatbots/chatbot.js';
import { ChatbotRepository } from '../../src/chatbots/chatbot.repository.js';
import { newChatbotId } from '../../src/common/ids/ids.js';
import { Database } from '../../src/persistence/database.js';
import { MODEL, type Tollgate } from './tollgate.js';

/** A model that writes summaries, for a catalogue. */
export const SCRIBE = `
  - id: test/scribe
    context_length: 100000
    max_completion_tokens: 1000
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: main, model: scribe } ]
`;

/** Settings of a chatbot over the fake upstream's model, with what a test cares about in place of the defaults. */
export function chatbotSettings(changes: Partial<ChatbotSettings> = {}): ChatbotSettings {
  return {
    name: 'Bot',
    description: '',
    model: MODEL,
    systemPrompt: 'You are Bot.',
    variables: {},
    sampling: {},
    memory: { kind: 'window' },
    overrides: OVERRIDABLE_FIELDS,
    acceptsInstructions: false,
    ...changes,
  };
}

/** A published chatbot, by default of the first account. */
export async function newChatbot(
  tollgate: Tollgate,
  changes: Partial<ChatbotSettings> = {},
  head: Partial<Pick<Chatbot, 'accountId' | 'keyIds' | 'publishedVersion'>> = {},
): Promise<string> {
  const accountId = head.accountId ?? (await firstAccount(tollgate));
  const repository = tollgate.app.get(ChatbotRepository, { strict: false });
  return insertChatbot(repository, { ...head, accountId }, changes);
}

/** A published chatbot, past any gateway. @returns its id */
export async function insertChatbot(
  repository: ChatbotRepository,
  head: Pick<Chatbot, 'accountId'> & Partial<Pick<Chatbot, 'keyIds' | 'publishedVersion'>>,
  changes: Partial<ChatbotSettings> = {},
): Promise<string> {
  const id = newChatbotId();
  const nowMs = Date.now();
  await repository.insert({
    id,
    accountId: head.accountId,
    keyIds: head.keyIds,
    newestVersion: 1,
    publishedVersion: 'publishedVersion' in head ? head.publishedVersion : 1,
    revision: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  });
  await repository.insertVersion({
    chatbotId: id,
    version: 1,
    settings: chatbotSettings(changes),
    restoredFrom: undefined,
    createdAtMs: nowMs,
  });
  return id;
}

/** Whose key is `tollgate.key`. */
export async function firstAccount(tollgate: Tollgate): Promise<string> {
  const { id } = await tollgate.app
    .get(Database)
    .kysely.selectFrom('accounts')
    .select('id')
    .orderBy('created_at_ms')
    .orderBy('id')
    .limit(1)
    .executeTakeFirstOrThrow();
  return id;
}
