import type { Selectable } from 'kysely';
import type { ChatbotsTable, ChatbotVersionsTable } from '../persistence/tables.js';
import type { Chatbot, ChatbotSettings, ChatbotVersion } from './chatbot.js';

export function toChatbot(row: Selectable<ChatbotsTable>): Chatbot {
  return {
    id: row.id,
    accountId: row.account_id,
    keyIds: row.key_ids === null ? undefined : (JSON.parse(row.key_ids) as string[]),
    newestVersion: row.newest_version,
    publishedVersion: row.published_version ?? undefined,
    revision: row.revision,
    createdAtMs: Number(row.created_at_ms),
    updatedAtMs: Number(row.updated_at_ms),
  };
}

export function toKeyIds(keyIds: readonly string[] | undefined): string | null {
  return keyIds === undefined ? null : JSON.stringify(keyIds);
}

export function toChatbotVersion(row: Selectable<ChatbotVersionsTable>): ChatbotVersion {
  return {
    chatbotId: row.chatbot_id,
    version: row.version,
    settings: JSON.parse(row.settings) as ChatbotSettings,
    restoredFrom: row.restored_from ?? undefined,
    createdAtMs: Number(row.created_at_ms),
  };
}
