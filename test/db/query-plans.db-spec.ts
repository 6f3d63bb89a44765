import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql, type RawBuilder } from 'kysely';
import { HoldRepository } from '../../src/billing/hold.repository.js';
import { LedgerPagesRepository } from '../../src/billing/ledger-pages.repository.js';
import { verifyLedger } from '../../src/billing/ledger-verify.js';
import { LedgerRepository } from '../../src/billing/ledger.repository.js';
import { conversationKey } from '../../src/common/ids/conversation-key.js';
import { TurnRepository } from '../../src/conversations/turn.repository.js';
import { Sealer } from '../../src/persistence/sealer.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { OutboxRepository } from '../../src/webhooks/outbox.repository.js';
import { onPostgres } from '../support/databases.js';
import { ExplainedDatabase, type Plan } from '../support/query-plans.js';

const ACCOUNT = 'acct_1';
const CHATBOT = 'bot_1';
const SCOPE = { accountId: ACCOUNT, chatbotId: CHATBOT, clientId: 'mine' };

/** Enough that reading a whole table is the dearest way to find something in it. */
const CONVERSATIONS = 1_000;
const MESSAGES_OF_EACH = 40;
const MESSAGES_OF_MINE = 5_000;
const OTHER_ROWS = 20_000;
/** Of a part of the ledger that is verified. */
const PART_ROWS = 1_000;

/**
 * By the key, and within a range of places. SQLite goes through it in order and stops when it has enough; PostgreSQL, which
 * takes each conversation for one of common length, may read and sort the range.
 */
const MESSAGES_FOUND = {
  sqlite: /SEARCH m USING INDEX \S+ \(conversation_id=\? AND seq>\?\)/,
  postgres: /conversation_messages_key[^]*Index Cond: \(\(conversation_id = .*\) AND \(seq > .* - 1024\)/,
};

function describePlans(databaseUrl: () => Promise<string | undefined>): void {
  let database: ExplainedDatabase;
  let conversations: TurnRepository;
  beforeAll(async () => {
    database = await ExplainedDatabase.open(await databaseUrl());
    conversations = new TurnRepository(database, new Sealer([]));
    await fill(database);
  });
  afterAll(() => database.close());

  it('a conversation is recalled by one statement that finds all its rows by indices, however long it is', async () => {
    const plans = await database.plansOf(() => conversations.recall(SCOPE, 64));
    expect(plans).toHaveLength(1);
    expect(database.wholeTables(plans)).toEqual([]);
    const how = (plans[0] as Plan).steps.join('\n');
    expect(how.match(/conversations_by_client/g)).toHaveLength(2);
    expect(how).toMatch(MESSAGES_FOUND[database.kind]);
    expect(how).not.toContain('TEMP B-TREE');
  });

  it('a turn is checked, stored and taken back by indices', async () => {
    const turn = { scope: SCOPE, id: 'conv_mine', existed: true, requestId: 'req_1' };
    const plans = await database.plansOf(async () => {
      await conversations.stateOf(SCOPE);
      await inTransaction(database.kysely, async (trx) => {
        await conversations.appendTurn(trx, {
          ...turn,
          model: CHATBOT,
          messages: [
            { role: 'user', content: 'hi' },
            { role: 'assistant', content: 'hello' },
          ],
          atMs: 2,
        });
        await conversations.takeBackTurn(trx, turn);
      });
    });
    expect(plans.length).toBeGreaterThan(6);
    expect(database.wholeTables(plans)).toEqual([]);
  });

  it('the ledger is verified part by part, none of which reads a table of movements as a whole', async () => {
    const plans = await database.plansOf(() => verifyLedger(database.kysely, PART_ROWS));
    const parts = plans.filter(({ sql: text }) => /^\s*select max\("id"\)/.test(text));
    expect(parts).toHaveLength(OTHER_ROWS / PART_ROWS + 1);
    const ofMovements = plans.filter(({ sql: text }) => /(ledger_entries|holds|usage_records)/.test(text));
    expect(database.wholeTables(ofMovements)).toEqual([]);
    expect(plans.flatMap(({ steps }) => steps).join('\n')).not.toMatch(/CORRELATED|SubPlan/);
  });

  it('what is open, due or settled is found among all that is done', async () => {
    const holds = new HoldRepository(database);
    const ledger = new LedgerRepository(database);
    const outbox = new OutboxRepository(database);
    const plans = await database.plansOf(async () => {
      await holds.isNameTaken(database.kysely, ACCOUNT, 'conversation:7');
      await holds.listOpenOwners();
      await holds.listOpenOf(['process_1'], 'req_5', 100);
      await ledger.findSettled(ACCOUNT, 'req_7', database.kysely);
      await new LedgerPagesRepository(database).list({ requestId: 'req_7' }, { limit: 10, after: undefined });
      await outbox.claim(5, 10, 100);
      await outbox.removeDone(5, 100);
    });
    expect(plans).toHaveLength(7);
    expect(database.wholeTables(plans)).toEqual([]);
    expect(plans[0]?.steps.join()).toContain('holds_exclusive');
    expect(plans[1]?.steps.join()).toContain('holds_open');
    expect(plans[2]?.steps.join()).toContain('holds_open');
    expect(plans[5]?.steps.join()).toContain('webhook_events_due');
  });
}

function numbers(most: number): RawBuilder<unknown> {
  return sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(most)})`;
}

async function fill(database: ExplainedDatabase): Promise<void> {
  const db = database.kysely;
  await sql`${numbers(CONVERSATIONS)}
    insert into conversations (id, account_id, client_key, chatbot_id, kind, message_count, turn_count, next_seq,
      version, created_at_ms, updated_at_ms, client_id, head)
    select 'conv_' || i, ${ACCOUNT}, 'key ' || i, ${CHATBOT}, 'conversation', 40, 20, 41, 1, 1, 1, 'other', '{"chain":""}'
    from n`.execute(db);
  await sql`update conversations set id = 'conv_mine', client_id = 'mine',
    client_key = ${conversationKey(ACCOUNT, 'mine')} where id = 'conv_500'`.execute(db);
  await sql`${numbers(MESSAGES_OF_EACH)}
    insert into conversation_messages (conversation_id, seq, id, turn, role, bytes, created_at_ms, body)
    select id, i, id || i, (i + 1) / 2, 'user', 2, 1, '{"message":{"role":"user","content":"hi"}}'
    from conversations, n`.execute(db);
  await sql`${numbers(MESSAGES_OF_MINE)}
    insert into conversation_messages (conversation_id, seq, id, turn, role, bytes, created_at_ms, body)
    select 'conv_mine', i, 'mine ' || i, (i + 1) / 2, 'user', 2, 1, '{"message":{"role":"user","content":"hi"}}'
    from n where i > ${sql.lit(MESSAGES_OF_EACH)}`.execute(db);
  await sql`update conversations set message_count = ${sql.lit(MESSAGES_OF_MINE)},
    turn_count = ${sql.lit(MESSAGES_OF_MINE / 2)}, next_seq = ${sql.lit(MESSAGES_OF_MINE + 1)}
    where id = 'conv_mine'`.execute(db);
  await sql`${numbers(OTHER_ROWS)}
    insert into holds (request_id, account_id, key_id, amount_hundredths, state, owner, relayed_tokens, facts,
      opened_at_ms, exclusive_name)
    select 'req_' || i, ${ACCOUNT}, 'key_1', 1, case when i < 100 then 'open' else 'settled' end, 'process_1', 0, '{}', 1,
      'conversation:' || i from n`.execute(db);
  await sql`${numbers(OTHER_ROWS)}
    insert into ledger_entries (id, account_id, type, amount_hundredths, request_id, created_at_ms)
    select 'le_' || i, ${ACCOUNT}, 'settlement', -1, 'req_' || i, 1 from n`.execute(db);
  await sql`${numbers(OTHER_ROWS)}
    insert into webhook_events (id, type, body, state, attempts, due_at_ms, created_at_ms)
    select 'evt_' || i, 'test', '{}', case when i < 100 then 'pending' else 'delivered' end, 0, i, i from n`.execute(
    db,
  );
  await database.analyze();
}

describe('on SQLite', () => {
  describePlans(() => Promise.resolve(undefined));
});

onPostgres((newDatabaseUrl) => describePlans(newDatabaseUrl));
