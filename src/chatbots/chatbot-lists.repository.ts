import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { toPage, type Page, type PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/comes-after.js';
import type { Tables } from '../persistence/tables.js';
import type { Chatbot, ChatbotVersion, ResolvedChatbot } from './chatbot.js';
import type { ChatbotListing } from './chatbot-listing.js';
import { RESOLVED_COLUMNS, toChatbotVersion, toKeyIds, toResolved, VERSION_COLUMNS } from './chatbot.row.js';

/** Characters of settings on a page, so that a page of books costs no more than a book and a bit. */
const MAX_PAGE_CHARS = 1024 * 1024;

/** A published chatbot as a list of models shows it. */
export interface ListedChatbot
  extends ChatbotListing, Pick<Chatbot, 'id' | 'accountId' | 'keyIds' | 'createdAtMs'> {}

/** Many chatbots or versions at a time; a page ends early where settings are long. */
@Injectable()
export class ChatbotListsRepository {
  constructor(private readonly database: Database) {}

  private get db(): Kysely<Tables> {
    return this.database.kysely;
  }

  /**
   * Newest first, each with its newest version.
   * @param accountId `undefined`: of all accounts
   */
  async list(accountId: string | undefined, { limit, after }: PageRequest): Promise<Page<ResolvedChatbot>> {
    const sizes = await this.db
      .selectFrom((from) =>
        from
          .selectFrom('chatbots')
          .select(['id', 'newest_version', 'created_at_ms'])
          .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
          .where(comesAfter(after))
          .orderBy('created_at_ms', 'desc')
          .orderBy('id', 'desc')
          .limit(limit + 1)
          .as('page'),
      )
      .innerJoin('chatbot_versions', (join) =>
        join
          .onRef('chatbot_versions.chatbot_id', '=', 'page.id')
          .onRef('chatbot_versions.version', '=', 'page.newest_version'),
      )
      .select(['page.id', 'settings_chars'])
      .orderBy('page.created_at_ms', 'desc')
      .orderBy('page.id', 'desc')
      .execute();
    const { rows, hasMore } = fitting(sizes, limit);
    if (rows.length === 0) return { rows: [], hasMore };
    const found = await this.db
      .selectFrom('chatbots')
      .innerJoin('chatbot_versions', (join) =>
        join
          .onRef('chatbot_versions.chatbot_id', '=', 'chatbots.id')
          .onRef('chatbot_versions.version', '=', 'chatbots.newest_version'),
      )
      .select(RESOLVED_COLUMNS)
      .where(
        'chatbots.id',
        'in',
        rows.map(({ id }) => id),
      )
      .orderBy('chatbots.created_at_ms', 'desc')
      .orderBy('chatbots.id', 'desc')
      .execute();
    return { rows: found.map(toResolved), hasMore };
  }

  /** Those that callers can use, oldest first. */
  async listPublished(accountId: string): Promise<ListedChatbot[]> {
    const rows = await this.db
      .selectFrom('chatbots')
      .innerJoin('chatbot_versions', (join) =>
        join
          .onRef('chatbot_versions.chatbot_id', '=', 'chatbots.id')
          .onRef('chatbot_versions.version', '=', 'chatbots.published_version'),
      )
      .select(['chatbots.id', 'account_id', 'key_ids', 'chatbots.created_at_ms', 'listing'])
      .where('account_id', '=', accountId)
      .orderBy('chatbots.created_at_ms')
      .orderBy('chatbots.id')
      .execute();
    return rows.map((row) => ({
      ...(JSON.parse(row.listing) as ChatbotListing),
      id: row.id,
      accountId: row.account_id,
      keyIds: toKeyIds(row.key_ids),
      createdAtMs: Number(row.created_at_ms),
    }));
  }

  /**
   * Newest first; the caller knows whose chatbot it is.
   * @param before only versions below; `undefined`: all
   */
  async listVersions(
    chatbotId: string,
    limit: number,
    before: number | undefined,
  ): Promise<Page<ChatbotVersion>> {
    const sizes = await this.db
      .selectFrom('chatbot_versions')
      .select(['version', 'settings_chars'])
      .where('chatbot_id', '=', chatbotId)
      .$if(before !== undefined, (query) => query.where('version', '<', before ?? 0))
      .orderBy('version', 'desc')
      .limit(limit + 1)
      .execute();
    const { rows, hasMore } = fitting(sizes, limit);
    if (rows.length === 0) return { rows: [], hasMore };
    const found = await this.db
      .selectFrom('chatbot_versions')
      .select(VERSION_COLUMNS)
      .where('chatbot_id', '=', chatbotId)
      .where(
        'version',
        'in',
        rows.map(({ version }) => version),
      )
      .orderBy('version', 'desc')
      .execute();
    return { rows: found.map(toChatbotVersion), hasMore };
  }
}

/** As many as a page takes, and one at least. @param sizes one more than `limit` where there are more */
function fitting<Row extends { readonly settings_chars: number }>(
  sizes: readonly Row[],
  limit: number,
): Page<Row> {
  let chars = 0;
  const tooMuch = sizes.findIndex(({ settings_chars }, index) => {
    chars += settings_chars;
    return index > 0 && chars > MAX_PAGE_CHARS;
  });
  return toPage(sizes, tooMuch === -1 ? limit : Math.min(tooMuch, limit));
}
