import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';
import type { Chatbot, ChatbotVersion, ResolvedChatbot } from './chatbot.js';
import {
  fromChatbotVersion,
  fromKeyIds,
  RESOLVED_COLUMNS,
  toChatbot,
  toChatbotVersion,
  toResolved,
  VERSION_COLUMNS,
} from './chatbot.row.js';

/** Which version is meant; the draft is the newest one, published or not. */
export type VersionName = 'published' | 'draft' | number;

/** What changes of a chatbot without a new version of it, and with one. */
export type ChatbotHead = Pick<Chatbot, 'keyIds' | 'newestVersion' | 'publishedVersion' | 'updatedAtMs'>;

/** Last parameter of each method: the transaction to take part in. `accountId` `undefined`: whoever owns it, for operators. */
@Injectable()
export class ChatbotRepository {
  constructor(private readonly database: Database) {}

  async insert(chatbot: Chatbot, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('chatbots')
      .values({
        id: chatbot.id,
        account_id: chatbot.accountId,
        key_ids: fromKeyIds(chatbot.keyIds),
        newest_version: chatbot.newestVersion,
        published_version: chatbot.publishedVersion ?? null,
        revision: chatbot.revision,
        created_at_ms: BigInt(chatbot.createdAtMs),
        updated_at_ms: BigInt(chatbot.updatedAtMs),
      })
      .execute();
  }

  async insertVersion(version: ChatbotVersion, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db.insertInto('chatbot_versions').values(fromChatbotVersion(version)).execute();
  }

  /** One statement. @returns `undefined` also where the chatbot is there and that version is not */
  async find(
    accountId: string | undefined,
    id: string,
    version: VersionName,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<ResolvedChatbot | undefined> {
    const row = await withVersion(db, version)
      .where('chatbots.id', '=', id)
      .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
      .executeTakeFirst();
    return row && toResolved(row);
  }

  /**
   * Changes a chatbot that is still at `revision`.
   * @returns the chatbot afterwards; `undefined` when it is not, or is gone
   */
  async update(
    id: string,
    revision: number,
    head: ChatbotHead,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Chatbot | undefined> {
    const row = await db
      .updateTable('chatbots')
      .set({
        revision: revision + 1,
        key_ids: fromKeyIds(head.keyIds),
        newest_version: head.newestVersion,
        published_version: head.publishedVersion ?? null,
        updated_at_ms: BigInt(head.updatedAtMs),
      })
      .where('id', '=', id)
      .where('revision', '=', revision)
      .returningAll()
      .executeTakeFirst();
    return row && toChatbot(row);
  }

  /**
   * Removes a chatbot and its versions.
   * @param revision that it must be at; `undefined`: any
   * @returns whose it was; `undefined` when there was none such
   */
  delete(
    accountId: string | undefined,
    id: string,
    revision: number | undefined,
  ): Promise<string | undefined> {
    return this.database.deleting(async (trx) => {
      const row = await trx
        .deleteFrom('chatbots')
        .where('id', '=', id)
        .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
        .$if(revision !== undefined, (query) => query.where('revision', '=', revision ?? 0))
        .returning('account_id')
        .executeTakeFirst();
      return row?.account_id;
    });
  }

  async findVersion(
    chatbotId: string,
    version: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<ChatbotVersion | undefined> {
    const row = await db
      .selectFrom('chatbot_versions')
      .select(VERSION_COLUMNS)
      .where('chatbot_id', '=', chatbotId)
      .where('version', '=', version)
      .executeTakeFirst();
    return row && toChatbotVersion(row);
  }

  /** Drops versions up to and including `upTo`, but not the one named `kept`. */
  async deleteVersions(
    chatbotId: string,
    upTo: number,
    kept: number | undefined,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<void> {
    await db
      .deleteFrom('chatbot_versions')
      .where('chatbot_id', '=', chatbotId)
      .where('version', '<=', upTo)
      .$if(kept !== undefined, (query) => query.where('version', '!=', kept ?? 0))
      .execute();
  }
}

function withVersion(db: Kysely<Tables>, version: VersionName) {
  return db
    .selectFrom('chatbots')
    .innerJoin('chatbot_versions', (join) =>
      join
        .onRef('chatbot_versions.chatbot_id', '=', 'chatbots.id')
        .on('chatbot_versions.version', '=', numberOf(version)),
    )
    .select(RESOLVED_COLUMNS);
}

function numberOf(version: VersionName): RawBuilder<number> {
  if (version === 'published') return sql<number>`chatbots.published_version`;
  return version === 'draft' ? sql<number>`chatbots.newest_version` : sql<number>`${version}`;
}
