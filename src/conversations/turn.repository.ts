import { Injectable, Logger } from '@nestjs/common';
import { sql, type Kysely, type Transaction } from 'kysely';
import { conversationKey } from '../common/ids/conversation-key.js';
import { Database } from '../persistence/database.js';
import { FixedQuery } from '../persistence/fixed-query.js';
import { Sealer } from '../persistence/sealer.js';
import type { Tables } from '../persistence/tables.js';
import { chainOver, digestOf, EMPTY_CHAIN } from './chain.js';
import type {
  Conversation,
  ConversationHead,
  ConversationScope,
  NewTurn,
  Recollection,
  Summary,
} from './conversation.js';
import { openHead, sealHead, toConversation, toMessageRows, toStoredMessage } from './conversation.row.js';
import { MessageInsert } from './message-insert.js';

/** A conversation or one of its messages: the columns of both tables side by side. */
interface RecalledRow {
  id: string;
  /** Model; request of a message. */
  origin: string | null;
  /** Head; body of a message, `null` where that is long. */
  body: string | null;
  sealed_with: string | null;
  /** Number of messages; bytes of a message. */
  size: number;
  turn: number;
  /** Version; seq of a message. */
  place: number;
  created_at_ms: bigint;
  /** `null`: a message. */
  updated_at_ms: bigint | null;
}

interface LockedRow {
  id: string;
  head: string;
  sealed_with: string | null;
  message_count: number;
  turn_count: number;
  next_seq: number;
}

/**
 * The body of a message that is read with its conversation, at most. One with a picture may have megabytes: many of
 * those at once would stop all other requests. Bytes.
 */
const LONG = 64 * 1024;

/**
 * Places that are looked through for each message that is wanted; those of deleted messages are empty. PostgreSQL takes
 * every conversation for one of common length, and may read and sort all that there is.
 */
const PLACES_A_MESSAGE = 16;

/** The scope's row: key, chatbot and account, in this order. */
const OF_SCOPE = sql`client_key = ${''} and chatbot_id = ${''} and account_id = ${''} and kind = 'conversation'`;

/** What a turn needs of the conversations: few statements, whose SQL is built once. */
@Injectable()
export class TurnRepository {
  private readonly logger = new Logger('Conversations');
  private readonly messages = new MessageInsert();

  // The cast keeps SQLite from planning anew for each limit, at ten times the cost of the query.
  private readonly recallQuery = new FixedQuery<RecalledRow>(sql`
    select id, model as origin, head as body, sealed_with, message_count as size, turn_count as turn,
      version as place, created_at_ms, updated_at_ms
    from conversations where ${OF_SCOPE}
    union all
    select * from (
      select m.id, request_id, case when octet_length(body) <= ${sql.lit(LONG)} then body end, m.sealed_with, bytes,
        turn, seq, m.created_at_ms, cast(null as bigint)
      from conversations c join conversation_messages m
        on m.conversation_id = c.id and seq > next_seq - ${sql.lit(PLACES_A_MESSAGE)} * cast(${0} as integer)
      where ${OF_SCOPE}
      order by seq desc limit cast(${0} as integer)
    ) as newest`);

  private readonly state = new FixedQuery<{ id: string; version: number }>(
    sql`select id, version from conversations where ${OF_SCOPE}`,
  );

  private readonly lock: FixedQuery<LockedRow>;

  private readonly create = new FixedQuery(sql`
    insert into conversations (id, account_id, client_key, chatbot_id, client_id, kind, model, head, sealed_with,
      message_count, turn_count, next_seq, version, created_at_ms, updated_at_ms)
    values (${''}, ${''}, ${''}, ${''}, ${''}, 'conversation', ${''}, ${''}, ${''}, ${0}, ${0}, ${0}, 1, ${0n}, ${0n})
    on conflict do nothing`);

  private readonly change = new FixedQuery(sql`
    update conversations set model = ${''}, head = ${''}, sealed_with = ${''}, message_count = ${0},
      turn_count = ${0}, next_seq = ${0}, version = version + 1, updated_at_ms = ${0n}
    where id = ${''}`);

  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
  ) {
    // SQLite's one writer holds the whole database; it knows no row locks and needs none.
    const lock = database.kind === 'postgres' ? sql`for update` : sql``;
    this.lock = new FixedQuery<LockedRow>(sql`
      select id, head, sealed_with, message_count, turn_count, next_seq
      from conversations where id = ${''} and account_id = ${''} ${lock}`);
  }

  /**
   * A conversation with its newest messages, covered by its summary or not, as far back as none is very long: one
   * statement, two looks at indices, however long it is.
   *
   * @param atMost messages
   * @returns `undefined`: nothing is stored under this scope
   * @throws DomainError `storage_unavailable`, also when something of it cannot be opened with the configured keys
   */
  async recall(
    { accountId, chatbotId = '', clientId }: ConversationScope,
    atMost: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Recollection | undefined> {
    const scope = [conversationKey(accountId, clientId), chatbotId, accountId];
    const { rows } = await this.recallQuery.run(db, [...scope, atMost, ...scope, atMost]);
    const row = rows.find(({ updated_at_ms }) => updated_at_ms !== null);
    if (row === undefined) return undefined;
    const conversation = toConversation(
      {
        id: row.id,
        account_id: accountId,
        chatbot_id: chatbotId,
        client_id: clientId,
        model: row.origin,
        head: row.body ?? '',
        sealed_with: row.sealed_with,
        message_count: row.size,
        turn_count: row.turn,
        version: row.place,
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms ?? row.created_at_ms,
      },
      this.sealer,
    );
    const newest = rows.filter((one) => one !== row).sort((a, b) => b.place - a.place);
    const long = newest.findIndex(({ body }) => body === null);
    const messages = newest
      .slice(0, long === -1 ? newest.length : long)
      .map((one) =>
        toStoredMessage(
          {
            id: one.id,
            conversation_id: row.id,
            seq: one.place,
            turn: one.turn,
            bytes: one.size,
            body: one.body ?? '',
            sealed_with: one.sealed_with,
            request_id: one.origin,
            created_at_ms: one.created_at_ms,
          },
          this.sealer,
        ),
      )
      .toReversed();
    return { conversation, messages, cut: messages.length < Math.min(atMost, row.size) };
  }

  /** @returns `undefined`: nothing is stored under this scope */
  async stateOf(
    { accountId, chatbotId = '', clientId }: ConversationScope,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Pick<Conversation, 'id' | 'version'> | undefined> {
    const { rows } = await this.state.run(db, [conversationKey(accountId, clientId), chatbotId, accountId]);
    return rows[0];
  }

  /**
   * Adds an exchange, in the transaction of its charge: creates the conversation where none was found, deletes what
   * departs. Whatever became of the conversation meanwhile, this does not throw: a charge must not fail for it.
   *
   * @returns false when nothing was written: the conversation is gone, another was created under its scope, or it cannot
   *   be opened with the configured keys
   */
  async appendTurn(trx: Transaction<Tables>, turn: NewTurn): Promise<boolean> {
    return turn.existed ? this.continue(trx, turn) : this.begin(trx, turn);
  }

  /**
   * Takes an exchange out again, in the transaction that gives its charge back, unless another has come after it: the
   * conversation is as it was, or gone where it began with it. What departed for it does not come back.
   */
  async takeBackTurn(
    trx: Transaction<Tables>,
    turn: Omit<NewTurn, 'messages' | 'model' | 'atMs'>,
  ): Promise<void> {
    const { id, scope, requestId, existed, before } = turn;
    const [row] = (await this.lock.run(trx, [id, scope.accountId])).rows;
    const head = row && this.tryOpenHead(row);
    if (row === undefined || head === undefined) return;
    const messages = trx.selectFrom('conversation_messages').where('conversation_id', '=', id);
    const newest = await messages.select('request_id').orderBy('seq', 'desc').limit(1).executeTakeFirst();
    if (newest?.request_id !== requestId) return;
    const { seq } = await messages
      .select('seq')
      .where('request_id', '=', requestId)
      .orderBy('seq')
      .limit(1)
      .executeTakeFirstOrThrow();
    const kept = await this.dropDeparted(trx, { id, before, departsAfterSeq: seq - 1 }, row, head);
    if (!existed && kept.messageCount === 0) {
      await trx.deleteFrom('conversations').where('id', '=', id).execute();
      return;
    }
    await trx
      .updateTable('conversations')
      .set((expression) => ({
        ...sealHead(id, kept.head, this.sealer),
        message_count: kept.messageCount,
        turn_count: kept.lastTurn,
        version: expression('version', '+', 1),
      }))
      .where('id', '=', id)
      .execute();
  }

  /**
   * Stores what stands for the oldest messages, in the transaction of its charge. Does nothing when the conversation is
   * gone, or was changed since it was read: the summary may tell of something that has been erased.
   *
   * @param version of the conversation as it was read
   */
  async setSummary(
    trx: Transaction<Tables>,
    conversationId: string,
    summary: Summary,
    version: number,
  ): Promise<void> {
    const row = await trx
      .selectFrom('conversations')
      .select(['id', 'head', 'sealed_with'])
      .where('id', '=', conversationId)
      .where('version', '=', version)
      .$if(this.database.kind === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst();
    const head = row && this.tryOpenHead(row);
    if (head === undefined) return;
    await trx
      .updateTable('conversations')
      .set(sealHead(conversationId, { ...head, summary }, this.sealer))
      .where('id', '=', conversationId)
      .execute();
  }

  private async begin(trx: Transaction<Tables>, turn: NewTurn): Promise<boolean> {
    const { id, scope, messages, atMs } = turn;
    const rows = toMessageRows(
      messages.map((message, index) => ({ message, seq: index + 1, turn: 1 })),
      { conversationId: id, requestId: turn.requestId, atMs },
      this.sealer,
    );
    const chain = chainOver(EMPTY_CHAIN, digestsOfTurn(turn));
    const { head, sealed_with } = sealHead(id, { chain }, this.sealer);
    const created = await this.create.run(trx, [
      id,
      scope.accountId,
      conversationKey(scope.accountId, scope.clientId),
      scope.chatbotId ?? '',
      scope.clientId,
      turn.model,
      head,
      sealed_with,
      rows.length,
      1,
      rows.length + 1,
      BigInt(atMs),
      BigInt(atMs),
    ]);
    if (created.numAffectedRows === 0n) return false;
    await this.messages.execute(trx, rows);
    return true;
  }

  private async continue(trx: Transaction<Tables>, turn: NewTurn): Promise<boolean> {
    const { id, atMs, requestId } = turn;
    const found = await this.lock.run(trx, [id, turn.scope.accountId]);
    const [row] = found.rows;
    const head = row && this.tryOpenHead(row);
    if (row === undefined || head === undefined) return false;

    const kept = await this.dropDeparted(trx, turn, row, head);
    const rows = toMessageRows(
      turn.messages.map((message, index) => ({
        message,
        seq: row.next_seq + index,
        turn: kept.turn,
      })),
      { conversationId: id, requestId, atMs },
      this.sealer,
    );
    await this.messages.execute(trx, rows);
    const chain = chainOver(kept.head.chain, digestsOfTurn(turn));
    const sealed = sealHead(id, { ...kept.head, chain }, this.sealer);
    await this.change.run(trx, [
      turn.model,
      sealed.head,
      sealed.sealed_with,
      kept.messageCount + rows.length,
      kept.turn,
      row.next_seq + rows.length,
      BigInt(atMs),
      id,
    ]);
    return true;
  }

  /**
   * Deletes the messages that the client's history departs from.
   * @returns what is left, the number of its last exchange, and which one goes on: one that lost its end does
   */
  private async dropDeparted(
    trx: Transaction<Tables>,
    { id, before, departsAfterSeq }: Pick<NewTurn, 'id' | 'before' | 'departsAfterSeq'>,
    row: LockedRow,
    head: ConversationHead,
  ): Promise<{ head: ConversationHead; turn: number; lastTurn: number; messageCount: number }> {
    // Another number than was found: a turn was taken back meanwhile.
    const chainOf = (messageCount: number): string | undefined =>
      messageCount === 0 ? EMPTY_CHAIN : messageCount === before?.messageCount ? before.chain : undefined;
    const all = {
      head: { ...head, chain: head.chain ?? chainOf(row.message_count) },
      turn: row.turn_count + 1,
      lastTurn: row.turn_count,
      messageCount: row.message_count,
    };
    if (departsAfterSeq === undefined) return all;
    const last = await trx
      .selectFrom('conversation_messages')
      .select('turn')
      .where('conversation_id', '=', id)
      .where('seq', '<=', departsAfterSeq)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    const departing = await trx
      .selectFrom('conversation_messages')
      .select(({ fn }) => [
        fn.countAll<bigint>().as('count'),
        fn.min<number | bigint>('seq').as('firstSeq'),
        fn.min<number | bigint>('turn').as('firstTurn'),
      ])
      .where('conversation_id', '=', id)
      .where('seq', '>', departsAfterSeq)
      .executeTakeFirstOrThrow();
    const messageCount = row.message_count - Number(departing.count);
    if (messageCount === row.message_count) return all;
    await trx
      .deleteFrom('conversation_messages')
      .where('conversation_id', '=', id)
      .where('seq', '>', departsAfterSeq)
      .execute();

    const coversDropped = Number(departing.firstSeq) <= (head.summary?.throughSeq ?? 0);
    return {
      head: {
        ...head,
        chain: chainOf(messageCount),
        summary: coversDropped ? undefined : head.summary,
      },
      lastTurn: last?.turn ?? 0,
      turn: last === undefined ? 1 : last.turn === Number(departing.firstTurn) ? last.turn : last.turn + 1,
      messageCount,
    };
  }

  /** @returns `undefined`: it cannot be opened, and the log says why */
  private tryOpenHead(row: Pick<LockedRow, 'id' | 'head' | 'sealed_with'>): ConversationHead | undefined {
    try {
      return openHead(row, this.sealer);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.logger.error(`charged, but not stored with its conversation, which cannot be opened: ${why}`);
      return undefined;
    }
  }
}

function digestsOfTurn({ messages, digests }: NewTurn): readonly string[] {
  return digests ?? messages.map(digestOf);
}
