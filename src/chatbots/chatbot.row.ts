import type { Insertable, Selectable } from 'kysely';
import type { ChatbotsTable, ChatbotVersionsTable } from '../persistence/tables.js';
import type { Chatbot, ChatbotSettings, ChatbotVersion, ResolvedChatbot } from './chatbot.js';
import { toListing } from './chatbot-listing.js';

/** The columns of a version that make one. */
export const VERSION_COLUMNS = [
  'chatbot_id',
  'version',
  'settings',
  'restored_from',
  'created_at_ms',
] as const satisfies readonly (keyof ChatbotVersionsTable)[];

type VersionRow = Pick<Selectable<ChatbotVersionsTable>, (typeof VERSION_COLUMNS)[number]>;

/** The columns of a chatbot joined with one of its versions. */
export const RESOLVED_COLUMNS = [
  'chatbots.id',
  'chatbots.account_id',
  'chatbots.key_ids',
  'chatbots.newest_version',
  'chatbots.published_version',
  'chatbots.revision',
  'chatbots.created_at_ms',
  'chatbots.updated_at_ms',
  'chatbot_versions.version',
  'chatbot_versions.settings',
  'chatbot_versions.restored_from',
  'chatbot_versions.created_at_ms as version_created_at_ms',
] as const;

type ResolvedRow = Selectable<ChatbotsTable> &
  Pick<VersionRow, 'version' | 'settings' | 'restored_from'> & { version_created_at_ms: bigint };

export function toChatbot(row: Selectable<ChatbotsTable>): Chatbot {
  return {
    id: row.id,
    accountId: row.account_id,
    keyIds: toKeyIds(row.key_ids),
    newestVersion: row.newest_version,
    publishedVersion: row.published_version ?? undefined,
    revision: row.revision,
    createdAtMs: Number(row.created_at_ms),
    updatedAtMs: Number(row.updated_at_ms),
  };
}

export function toKeyIds(column: string | null): readonly string[] | undefined {
  return column === null ? undefined : (JSON.parse(column) as string[]);
}

export function fromKeyIds(keyIds: readonly string[] | undefined): string | null {
  return keyIds === undefined ? null : JSON.stringify(keyIds);
}

export function toChatbotVersion(row: VersionRow): ChatbotVersion {
  return {
    chatbotId: row.chatbot_id,
    version: row.version,
    settings: JSON.parse(row.settings) as ChatbotSettings,
    restoredFrom: row.restored_from ?? undefined,
    createdAtMs: Number(row.created_at_ms),
  };
}

export function fromChatbotVersion(version: ChatbotVersion): Insertable<ChatbotVersionsTable> {
  const settings = JSON.stringify(version.settings);
  return {
    chatbot_id: version.chatbotId,
    version: version.version,
    settings,
    settings_chars: settings.length,
    listing: JSON.stringify(toListing(version.settings)),
    restored_from: version.restoredFrom ?? null,
    created_at_ms: BigInt(version.createdAtMs),
  };
}

export function toResolved(row: ResolvedRow): ResolvedChatbot {
  return {
    chatbot: toChatbot(row),
    version: toChatbotVersion({
      chatbot_id: row.id,
      version: row.version,
      settings: row.settings,
      restored_from: row.restored_from,
      created_at_ms: row.version_created_at_ms,
    }),
  };
}
