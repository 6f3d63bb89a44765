import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { modulesOf } from './modules.mjs';
import { longMessages } from '../scenarios.mjs';

const ROWS_A_TRANSACTION = 20_000;
const ROWS_A_LINE = 100_000;
const DAY_MS = 86_400_000;

/** What was said in every conversation that is gone on with: a question of one line and an answer of 400 characters. */
const EXCHANGE = [
  { role: 'user', content: 'What is the capital of France?' },
  { role: 'assistant', content: 'Paris is the capital and the largest city of France. '.repeat(8).trim() },
];

/** Conversations in the database of a gateway, written past it. */
export class Talks {
  #database;
  #kinds;

  constructor(database, kinds) {
    this.#database = database;
    this.#kinds = kinds;
  }

  /**
   * Fills the database of a gateway that is halted.
   *
   * @param options.main the compiled `main.js`, whose own functions make the rows
   * @param options.kinds conversations to go on with: `name`, how many `turns` and how `many`
   * @param options.others how many conversations of 100 messages lie among them
   */
  static async fill(folder, { main, chatbotId, kinds, others }) {
    const built = (path) => import(new URL(path, modulesOf(main)));
    await import(pathToFileURL(createRequire(main).resolve('reflect-metadata')));
    const { conversationKey } = await built('common/ids/conversation-key.js');
    const { newConversationRowId, newMessageId } = await built('common/ids/ids.js');
    const { chainAfter, EMPTY_CHAIN } = await built('conversations/chain.js');
    const { sealHead, toMessageRows } = await built('conversations/conversation.row.js');
    const { Sealer } = await built('persistence/sealer.js');
    const sealer = new Sealer([]);

    const database = new DatabaseSync(join(folder, 'data', 'tollgate.db'), { timeout: 5_000 });
    database.exec('pragma synchronous = off; pragma cache_size = -200000');
    const { account_id: accountId } = database
      .prepare('select account_id from chatbots where id = ?')
      .get(chatbotId);
    const conversation = insertInto(database, 'conversations');
    const message = insertInto(database, 'conversation_messages');

    /** The rows are the same for every conversation of a kind, but for their ids. */
    const templateOf = (messages) => {
      const placed = messages.map((each, index) => ({
        message: each,
        seq: index + 1,
        turn: Math.floor(index / 2) + 1,
      }));
      const nobody = { conversationId: '', requestId: undefined, atMs: 0 };
      return { rows: toMessageRows(placed, nobody, sealer), chain: chainAfter(EMPTY_CHAIN, messages) };
    };
    const templates = new Map(
      kinds.map(({ name, turns }) => [
        name,
        templateOf(Array.from({ length: turns }, () => EXCHANGE).flat()),
      ]),
    );
    const other = templateOf(longMessages());

    let rows = 0;
    const put = (clientId, template, atMs) => {
      const id = newConversationRowId(atMs);
      conversation({
        id,
        account_id: accountId,
        client_key: conversationKey(accountId, clientId),
        chatbot_id: chatbotId,
        client_id: clientId,
        kind: 'conversation',
        model: chatbotId,
        ...sealHead(id, { chain: template.chain }, sealer),
        message_count: template.rows.length,
        turn_count: template.rows.length / 2,
        next_seq: template.rows.length + 1,
        version: 1,
        created_at_ms: atMs,
        updated_at_ms: atMs,
      });
      for (const row of template.rows) {
        message({ ...row, conversation_id: id, id: newMessageId(row.seq), created_at_ms: atMs });
        rows += 1;
        if (rows % ROWS_A_TRANSACTION === 0) database.exec('commit; begin');
        if (rows % ROWS_A_LINE === 0) process.stderr.write(`${rows / 1_000}k messages … `);
      }
      return id;
    };

    const most = Math.max(...kinds.map(({ many }) => many));
    const steps = Math.max(most, others);
    const ids = new Map(kinds.map(({ name }) => [name, []]));
    const begunMs = Date.now() - DAY_MS;
    database.exec('begin');
    // Each among the others, as conversations that come and go over a day lie.
    for (let step = 0; step < steps; step += 1) {
      const atMs = begunMs + Math.floor((step * DAY_MS) / steps);
      if (step < others) put(`other ${step}`, other, atMs);
      for (const { name, many } of kinds) {
        const next = ids.get(name).length;
        if (next < ((step + 1) * many) / steps && next < many) {
          ids.get(name).push(put(clientIdOf(name, next), templates.get(name), atMs));
        }
      }
    }
    database.exec('commit; pragma wal_checkpoint(truncate); pragma synchronous = full');
    const sized = kinds.map((kind) => ({
      ...kind,
      ids: ids.get(kind.name),
      head: sealHead('', { chain: templates.get(kind.name).chain }, sealer).head,
    }));
    return new Talks(database, sized);
  }

  /** How clients know the conversations of a kind. */
  namesOf(name) {
    const { many } = this.#kinds.find((kind) => kind.name === name);
    return Array.from({ length: many }, (_, index) => clientIdOf(name, index));
  }

  /** Puts those of a kind back to the length that they had in the beginning. Nothing may be asked meanwhile. */
  restore(name) {
    const { ids, turns, head } = this.#kinds.find((kind) => kind.name === name);
    const messages = turns * EXCHANGE.length;
    const cut = this.#database.prepare(
      'delete from conversation_messages where conversation_id = ? and seq > ?',
    );
    const back = this.#database.prepare(
      'update conversations set head = ?, message_count = ?, turn_count = ?, next_seq = ? where id = ?',
    );
    this.#database.exec('begin immediate');
    for (const id of ids) {
      cut.run(id, messages);
      back.run(head, messages, turns, messages + 1, id);
    }
    this.#database.exec('commit');
  }

  storedMessages() {
    return this.#database.prepare('select count(*) as rows from conversation_messages').get().rows;
  }

  close() {
    this.#database.close();
  }
}

/** Of one length, so that requests that name them are. */
function clientIdOf(name, index) {
  return `${name} ${String(index).padStart(6, '0')}`;
}

function insertInto(database, table) {
  let statement;
  return (row) => {
    statement ??= database.prepare(
      `insert into ${table} (${Object.keys(row).join()}) values (${Object.keys(row)
        .map(() => '?')
        .join()})`,
    );
    statement.run(...Object.values(row));
  };
}
