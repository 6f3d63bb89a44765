import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { sql, type Transaction } from 'kysely';
import { BalanceRepository } from '../billing/balance.repository.js';
import { HoldRepository } from '../billing/hold.repository.js';
import { IdempotencyRepository } from '../idempotency/idempotency.repository.js';
import { leadingWithin } from '../common/leading-within.js';
import type { PagePosition } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { operatorMessage } from '../persistence/operator-message.js';
import { comesAfter } from '../persistence/comes-after.js';
import { isStorageUnavailable } from '../persistence/storage-unavailable.js';
import type {
  ConversationMessagesTable,
  ConversationsTable,
  ErasuresTable,
  Tables,
} from '../persistence/tables.js';
import type { Conversation } from './conversation.js';
import { exclusiveNameOf } from './exclusive-name.js';

/** Conversations of one transaction: others get their turn after each. */
const LOOKED_AT_ONCE = 20;

/** What is deleted in one transaction: nothing else runs meanwhile on an embedded database. Messages hold pictures. */
const MESSAGES_AT_ONCE = 4_096;
/** The same on a full disk: each row may be on a page of its own, which the log then has once. */
const FRUGAL_MESSAGES_AT_ONCE = 256;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Everything was changed before. */
const EVER = Number.MAX_SAFE_INTEGER;

/** Values of one `in (…)`. */
const MAX_VALUES = 500;

const BODY_BYTES = sql<number | bigint>`octet_length(body)`;

type Erasable = Pick<ConversationsTable, 'id' | 'client_id' | 'message_count'>;

/** A conversation that is gone, but for messages. */
type Unfinished = Pick<ErasuresTable, 'conversation_id' | 'account_id'>;

/**
 * Erases what was said: rows, the answers that are kept for its requests, and what deleted rows leave in the files of an
 * embedded database (docs/conversations.md, Erasure).
 */
@Injectable()
export class ErasureRepository {
  private readonly logger = new Logger('Erasure');

  constructor(
    private readonly database: Database,
    private readonly answers: IdempotencyRepository,
    private readonly balances: BalanceRepository,
    private readonly holds: HoldRepository,
  ) {}

  /** @returns false: there is none */
  async erase(accountId: string, id: string, kind: ConversationsTable['kind']): Promise<boolean> {
    const found = await this.database.kysely
      .selectFrom('conversations')
      .select('client_id')
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .where('kind', '=', kind)
      .executeTakeFirst();
    if (found === undefined) return false;
    await this.eraseMostAnswers(accountId, { id, clientId: found.client_id });
    const unfinished = await this.database.deleting(async (trx, frugal) => {
      // The account first, as charges do, which then write to its conversations.
      await this.balances.lock(trx, [accountId]);
      const row = await trx
        .selectFrom('conversations')
        .select(['id', 'client_id', 'message_count'])
        .where('account_id', '=', accountId)
        .where('id', '=', id)
        .where('kind', '=', kind)
        // SQLite's one writer holds the whole database; it knows no row locks and needs none.
        .$if(this.database.kind === 'postgres', (query) => query.forUpdate())
        .executeTakeFirst();
      return row && this.eraseRows(trx, accountId, [row], messagesAtOnce(frugal));
    });
    if (unfinished === undefined) return false;
    await this.finish(unfinished);
    await this.database.purgeDeleted();
    return true;
  }

  /**
   * Erases all that was said in an account.
   * @returns how many conversations and stored completions there were
   */
  async eraseAccount(accountId: string): Promise<number> {
    const { deleted, answers } = await this.deleteAll(accountId);
    if (deleted + answers > 0) await this.purge();
    return deleted;
  }

  /**
   * As `eraseAccount`, but for what it leaves in files: `purge` afterwards.
   * @returns how many conversations and stored completions, and how many answers that were kept for a repeated request
   */
  async deleteAll(accountId: string): Promise<{ deleted: number; answers: number }> {
    // Some at a time; conversations take those with them that are left.
    const before = await this.answers.eraseAllAnswers(accountId);
    const deleted = await this.deleteUnchanged(accountId, EVER);
    return { deleted, answers: before + (await this.answers.eraseAllAnswers(accountId)) };
  }

  /**
   * Erases conversations and stored completions of an account, but for what they leave in files: `purge` afterwards.
   *
   * @param sinceMs only those that were last changed before, and in which no turn is under way
   * @returns how many
   */
  async deleteUnchanged(accountId: string, sinceMs: number): Promise<number> {
    let deleted = 0;
    for (const kind of ['conversation', 'completion'] as const) {
      deleted += await this.deleteOfKind(accountId, kind, sinceMs);
    }
    return deleted;
  }

  /**
   * Ends what a process that died had begun; `purge` afterwards.
   * @returns of how many conversations nothing is left now
   * @throws DomainError `storage_unavailable`
   */
  async finishErasures(): Promise<number> {
    const unfinished = await this.database.kysely.selectFrom('erasures').selectAll().execute();
    let finished = 0;
    for (const one of unfinished) {
      try {
        await this.finish([one]);
        finished += 1;
      } catch (error) {
        if (isStorageUnavailable(error)) throw error;
        // One that fails keeps neither the others nor what is due from being erased.
        this.logger.warn(`the rest of ${one.conversation_id} is not erased: ${operatorMessage(error)}`);
      }
    }
    return finished;
  }

  /**
   * Before a conversation or a part of it is erased: what is kept of its answers may be much more than one transaction
   * is to erase.
   */
  async eraseMostAnswers(
    accountId: string,
    { id, clientId }: Pick<Conversation, 'id' | 'clientId'>,
  ): Promise<void> {
    await this.answers.eraseMostAnswers(accountId, [id, clientId]);
  }

  /** In the transaction that erases a part of a conversation; `purge` when it has committed. */
  async eraseAnswers(
    trx: Transaction<Tables>,
    accountId: string,
    { id, clientId }: Pick<Conversation, 'id' | 'clientId'>,
  ): Promise<void> {
    await this.answers.eraseAnswers(accountId, { conversationIds: [id, clientId], requestIds: [] }, trx);
  }

  /** What was deleted is in no file any more when this resolves. */
  purge(): Promise<void> {
    return this.database.purgeDeleted();
  }

  /** In the order of their making, in which they are indexed: whatever is older than its last change. */
  private async deleteOfKind(
    accountId: string,
    kind: ConversationsTable['kind'],
    sinceMs: number,
  ): Promise<number> {
    let deleted = 0;
    let position: PagePosition | undefined;
    for (;;) {
      const { last, count, unfinished } = await this.database.deleting(async (trx, frugal) => {
        const oldest = await trx
          .selectFrom('conversations')
          .select(['id', 'chatbot_id', 'client_id', 'message_count', 'created_at_ms', 'updated_at_ms'])
          .where('account_id', '=', accountId)
          .where('kind', '=', kind)
          .where('created_at_ms', '<', BigInt(sinceMs))
          .where(comesAfter(position, 'asc'))
          .orderBy('created_at_ms')
          .orderBy('id')
          .limit(LOOKED_AT_ONCE)
          .execute();
        const unchanged = oldest.filter(({ updated_at_ms }) => updated_at_ms < BigInt(sinceMs));
        const erasable = await this.lockErasable(trx, accountId, unchanged, sinceMs);
        return {
          last: oldest.at(-1),
          count: erasable.length,
          unfinished: await this.eraseRows(trx, accountId, erasable, messagesAtOnce(frugal)),
        };
      });
      deleted += count;
      await this.finish(unfinished);
      if (last === undefined) return deleted;
      position = { createdAtMs: Number(last.created_at_ms), id: last.id };
      await nextTurn();
    }
  }

  /** Of conversations and completions those that are still there and unchanged; a turn that is under way is a change. */
  private async lockErasable(
    trx: Transaction<Tables>,
    accountId: string,
    conversations: readonly Erasable[],
    sinceMs: number,
  ): Promise<Erasable[]> {
    if (conversations.length === 0) return [];
    // As every hold does first, and before the rows, as charges do: no turn begins or ends until this transaction does.
    await this.balances.lock(trx, [accountId]);
    const unchanged = await trx
      .selectFrom('conversations')
      .select(['id', 'chatbot_id', 'client_id', 'message_count'])
      .where(
        'id',
        'in',
        conversations.map(({ id }) => id),
      )
      .where('updated_at_ms', '<', BigInt(sinceMs))
      .$if(this.database.kind === 'postgres', (query) => query.orderBy('id').forUpdate())
      .execute();
    if (sinceMs === EVER) return unchanged;
    const resting: Erasable[] = [];
    for (const row of unchanged) {
      const name = exclusiveNameOf({ chatbotId: row.chatbot_id, clientId: row.client_id });
      if (!(await this.holds.isNameTaken(trx, accountId, name))) resting.push(row);
    }
    return resting;
  }

  /** @returns those of which messages are left: nobody finds them any more, and `#finish` deletes them */
  private async eraseRows(
    trx: Transaction<Tables>,
    accountId: string,
    conversations: readonly Erasable[],
    most: number,
  ): Promise<Unfinished[]> {
    if (conversations.length === 0) return [];
    const ids = conversations.map(({ id }) => id);
    const bytesOf = await this.bytesOf(trx, conversations);
    const { now, later } = withinOneTransaction(conversations, bytesOf, most);
    if (now.length > 0) {
      const messages = await trx
        .deleteFrom('conversation_messages')
        .where('conversation_id', 'in', now)
        .returning('request_id')
        .execute();
      await this.eraseAnswersTo(trx, accountId, messages);
    }
    await trx.deleteFrom('conversations').where('id', 'in', ids).execute();
    // Clients may have named it either way, and only an answer that ended has messages to be found by.
    const conversationIds = conversations.flatMap(({ id, client_id }) => [id, client_id]);
    await this.answers.eraseAnswers(accountId, { conversationIds, requestIds: [] }, trx);
    const unfinished = later.map((id) => ({ conversation_id: id, account_id: accountId }));
    if (unfinished.length > 0) await trx.insertInto('erasures').values(unfinished).execute();
    return unfinished;
  }

  private async finish(unfinished: readonly Unfinished[]): Promise<void> {
    for (const one of unfinished) {
      const some = (trx: Transaction<Tables>, frugal: boolean): Promise<boolean> =>
        this.eraseSome(trx, one, messagesAtOnce(frugal));
      while (await this.database.deleting(some)) await nextTurn();
    }
  }

  /** @returns whether there may be more */
  private async eraseSome(
    trx: Transaction<Tables>,
    { conversation_id, account_id }: Unfinished,
    most: number,
  ): Promise<boolean> {
    const sized = await trx
      .selectFrom('conversation_messages')
      .select(['seq', BODY_BYTES.as('bytes')])
      .where('conversation_id', '=', conversation_id)
      .orderBy('seq')
      .limit(most)
      .execute();
    const some = sized.slice(0, leadingWithin(sized, BYTES_AT_ONCE));
    const messages = await trx
      .deleteFrom('conversation_messages')
      .where('conversation_id', '=', conversation_id)
      .where('seq', '<=', some.at(-1)?.seq ?? 0)
      .returning('request_id')
      .execute();
    await this.eraseAnswersTo(trx, account_id, messages);
    if (some.length > 0) return true;
    await trx.deleteFrom('erasures').where('conversation_id', '=', conversation_id).execute();
    return false;
  }

  /** Of the messages of conversations that have not too many of them anyway. */
  private async bytesOf(
    trx: Transaction<Tables>,
    conversations: readonly Erasable[],
  ): Promise<ReadonlyMap<string, number>> {
    const ids = conversations.filter((one) => one.message_count <= MESSAGES_AT_ONCE).map(({ id }) => id);
    if (ids.length === 0) return new Map();
    const rows = await trx
      .selectFrom('conversation_messages')
      .select(({ fn }) => ['conversation_id', fn.sum<bigint>(BODY_BYTES).as('bytes')])
      .where('conversation_id', 'in', ids)
      .groupBy('conversation_id')
      .execute();
    return new Map(rows.map(({ conversation_id, bytes }) => [conversation_id, Number(bytes)]));
  }

  private async eraseAnswersTo(
    trx: Transaction<Tables>,
    accountId: string,
    messages: readonly Pick<ConversationMessagesTable, 'request_id'>[],
  ): Promise<void> {
    const requestIds = [...new Set(messages.map(({ request_id }) => request_id))].filter((id) => id !== null);
    for (let start = 0; start < requestIds.length; start += MAX_VALUES) {
      const some = requestIds.slice(start, start + MAX_VALUES);
      await this.answers.eraseAnswers(accountId, { conversationIds: [], requestIds: some }, trx);
    }
  }
}

function messagesAtOnce(frugal: boolean): number {
  return frugal ? FRUGAL_MESSAGES_AT_ONCE : MESSAGES_AT_ONCE;
}

/** Whose messages one transaction deletes, and whose are too many for it. */
function withinOneTransaction(
  conversations: readonly Erasable[],
  bytesOf: ReadonlyMap<string, number>,
  most: number,
): { now: string[]; later: string[] } {
  const now: string[] = [];
  const later: string[] = [];
  let [messages, bytes] = [0, 0];
  for (const { id, message_count } of conversations) {
    const its = bytesOf.get(id) ?? 0;
    const fits = messages + message_count <= most && bytes + its <= BYTES_AT_ONCE;
    if (fits) [messages, bytes] = [messages + message_count, bytes + its];
    (fits ? now : later).push(id);
  }
  return { now, later };
}
