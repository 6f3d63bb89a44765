import type { Kysely, Selectable } from 'kysely';
import type { RequestProvenance } from '../../src/contracts/accounts/request-provenance.js';
import { messageBytes } from '../../src/contracts/openai/message-texts.js';
import { chainAfter, EMPTY_CHAIN } from '../../src/conversations/chain.js';
import type { StoredMessage } from '../../src/conversations/conversation.js';
import { ANSWER_SEQ, openHead, toStoredMessage } from '../../src/conversations/conversation.row.js';
import { Sealer } from '../../src/persistence/sealer.js';
import type { ConversationMessagesTable, ConversationsTable, Tables } from '../../src/persistence/tables.js';

export interface ConversationSight {
  /** Opens what is sealed; default: nothing is. */
  readonly sealer?: Sealer;
  /**
   * Every conversation came about by turns alone, each one user's message and its answer, and nothing was taken out or
   * erased: then nothing excuses a gap.
   */
  readonly turnsOnly?: boolean;
}

/** A request that took a turn in a conversation, and how it was settled. */
interface Turn {
  readonly requestId: string;
  readonly conversationId: string;
  /** Its answer ended as it should: then, and only then, the turn is stored. */
  readonly kept: boolean;
}

/** A conversation's row with those of its messages, in order. */
interface Rows {
  readonly head: Selectable<ConversationsTable>;
  readonly messages: readonly Selectable<ConversationMessagesTable>[];
}

const KEPT_OUTCOMES = new Set(['completed', 'cut_at_limit']);

/**
 * Checks conversations against what they say of themselves and against the requests that made them: a turn is stored
 * exactly if its charge says that its answer ended, once and in one piece; turns follow each other; counts, places and
 * digests are those of the messages. Reads one moment of the database. Empty: all is well.
 */
export async function brokenConversations(
  db: Kysely<Tables>,
  { sealer = new Sealer([]), turnsOnly = false }: ConversationSight = {},
): Promise<string[]> {
  const { heads, messages, turns } = await read(db);
  const rowsOf = Map.groupBy(messages, (row) => row.conversation_id);
  const turnsOf = Map.groupBy(turns, (turn) => turn.conversationId);
  const known = new Set(heads.map(({ id }) => id));
  const broken = [...rowsOf.keys()].filter((id) => !known.has(id)).map((id) => `${id}: messages of nothing`);
  for (const head of heads) {
    const all = rowsOf.get(head.id) ?? [];
    const rows = { head, messages: all.filter(({ seq }) => seq !== ANSWER_SEQ) };
    const answers = all.length - rows.messages.length;
    const complaints =
      head.kind === 'completion'
        ? [...countsThatDisagree(rows), ...(answers === 1 ? [] : [`${answers} answers`])]
        : [
            ...countsThatDisagree(rows),
            ...turnsOutOfOrder(rows, turnsOnly),
            ...digestsThatDisagree(rows, sealer),
            ...turnsNotAsSettled(rows, turnsOf.get(head.id) ?? [], turnsOnly),
          ];
    broken.push(...complaints.map((complaint) => `${head.id}: ${complaint}`));
  }
  if (turnsOnly) {
    const lost = turns.filter(({ kept, conversationId }) => kept && !known.has(conversationId));
    broken.push(...lost.map(({ requestId, conversationId }) => `${conversationId}: gone, with ${requestId}`));
  }
  return broken;
}

function read(db: Kysely<Tables>) {
  return db
    .transaction()
    .setAccessMode('read only')
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const heads = await trx.selectFrom('conversations').selectAll().execute();
      const messages = await trx
        .selectFrom('conversation_messages')
        .selectAll()
        .orderBy('conversation_id')
        .orderBy('seq')
        .execute();
      const records = await trx
        .selectFrom('usage_records')
        .select(['request_id', 'outcome', 'context'])
        .where('context', 'is not', null)
        .execute();
      const turns = records.flatMap(({ request_id, outcome, context }): Turn[] => {
        const { conversation } = JSON.parse(context ?? '{}') as RequestProvenance;
        if (conversation === undefined) return [];
        return [{ requestId: request_id, conversationId: conversation.id, kept: KEPT_OUTCOMES.has(outcome) }];
      });
      return { heads, messages, turns };
    });
}

/** Something was taken out by hand, or the client went back to an earlier place. */
function hasGaps({ head }: Rows): boolean {
  return head.next_seq - 1 !== head.message_count;
}

function countsThatDisagree({ head, messages }: Rows): string[] {
  const complaints: string[] = [];
  if (messages.length !== head.message_count) {
    complaints.push(`counts ${head.message_count} messages, has ${messages.length}`);
  }
  const last = messages.at(-1);
  if (last !== undefined && last.seq >= head.next_seq) {
    complaints.push(`next place ${head.next_seq}, last taken ${last.seq}`);
  }
  if (new Set(messages.map(({ id }) => id)).size !== messages.length) complaints.push('an id twice');
  return complaints;
}

function turnsOutOfOrder(rows: Rows, turnsOnly: boolean): string[] {
  const { head, messages } = rows;
  const complaints: string[] = [];
  const numbers = messages.map(({ turn }) => turn);
  if (numbers.some((turn, index) => turn < (numbers[index - 1] ?? 1))) complaints.push(`turns ${numbers}`);
  if (Math.max(0, ...numbers) > head.turn_count) complaints.push(`${head.turn_count} turns, yet ${numbers}`);
  const gaps = hasGaps(rows);
  if (turnsOnly && gaps) complaints.push(`${head.message_count} messages in ${head.next_seq - 1} places`);
  if (!gaps) {
    const turns = [...new Set(numbers)];
    if (turns.some((turn, index) => turn !== index + 1) || turns.length !== head.turn_count) {
      complaints.push(`${head.turn_count} turns, yet ${turns}`);
    }
    if (messages.some(({ seq }, index) => seq !== index + 1)) complaints.push('places are not 1, 2, 3…');
  }
  for (const [turn, of] of Map.groupBy(messages, (row) => row.turn)) {
    if (new Set(of.map(({ request_id }) => request_id)).size > 1)
      complaints.push(`turn ${turn} of two requests`);
    const roles = of.map(({ role }) => role).join();
    if (turnsOnly && roles !== 'user,assistant') complaints.push(`turn ${turn} is ${roles}`);
  }
  return complaints;
}

function digestsThatDisagree({ head, messages }: Rows, sealer: Sealer): string[] {
  const complaints: string[] = [];
  let stored: StoredMessage[];
  let says: ReturnType<typeof openHead>;
  try {
    says = openHead(head, sealer);
    stored = messages.map((row) => toStoredMessage(row, sealer));
  } catch (error) {
    return [`cannot be opened: ${String(error)}`];
  }
  stored.forEach(({ id, message, bytes }, index) => {
    if (bytes !== messageBytes(message)) complaints.push(`${id} has ${messageBytes(message)} bytes`);
    if (message.role !== messages[index]?.role) complaints.push(`${id} is ${message.role}'s`);
  });
  const chain = chainAfter(
    EMPTY_CHAIN,
    stored.map(({ message }) => message),
  );
  // Forgotten where a message was erased, until a client sends all that is left.
  if (says.chain !== chain && (says.chain !== undefined || !hasGaps({ head, messages })))
    complaints.push('its digest is not that of its messages');
  const { summary } = says;
  if (summary !== undefined) {
    const covered = stored.filter(({ seq }) => seq <= summary.throughSeq).length;
    if (covered !== summary.messages)
      complaints.push(`a summary of ${summary.messages} covers ${covered} messages`);
  }
  return complaints;
}

function turnsNotAsSettled(rows: Rows, turns: readonly Turn[], turnsOnly: boolean): string[] {
  const complaints: string[] = [];
  const stored = new Map<string, number[]>();
  for (const { request_id, turn } of rows.messages) {
    if (request_id === null) continue;
    const numbers = stored.get(request_id);
    if (numbers === undefined) stored.set(request_id, [turn]);
    else if (!numbers.includes(turn)) numbers.push(turn);
  }
  for (const [requestId, numbers] of stored) {
    if (numbers.length > 1) complaints.push(`${requestId} has the turns ${numbers}`);
    if (!turns.some((turn) => turn.kept && turn.requestId === requestId)) {
      complaints.push(`${requestId} is stored, and its charge says that it is not`);
    }
  }
  if (turnsOnly && rows.messages.some(({ request_id }) => request_id === null)) {
    complaints.push('a message of no request');
  }
  if (hasGaps(rows)) return complaints;
  const lost = turns.filter(({ kept, requestId }) => kept && !stored.has(requestId));
  return [...complaints, ...lost.map(({ requestId }) => `${requestId} is charged whole, and not stored`)];
}
