import { expect, it } from '@jest/globals';
import type { KyselyPlugin } from 'kysely';
import { toMessageRows } from '../../src/conversations/conversation.row.js';
import { MessageInsert } from '../../src/conversations/message-insert.js';
import { Sealer } from '../../src/persistence/sealer.js';
import { eachDatabase } from '../support/databases.js';

/** Counts the statements that are run. */
class Counter implements KyselyPlugin {
  statements = 0;
  transformQuery: KyselyPlugin['transformQuery'] = ({ node }) => node;
  transformResult: KyselyPlugin['transformResult'] = ({ result }) => {
    this.statements += 1;
    return Promise.resolve(result);
  };
}

eachDatabase((_kind, open) => {
  it('adds any number of messages, all of them, in few statements', async () => {
    const { kysely } = await open();
    const inserts = new MessageInsert();
    for (const [count, atMost] of [
      [0, 0],
      [2, 1],
      [8, 1],
      [9, 2],
      [300, 4],
      [8192, 32],
    ] as const) {
      const counter = new Counter();
      const conversationId = `conv_${count}`;
      const rows = toMessageRows(
        Array.from({ length: count }, (_, index) => ({
          message: { role: 'user', content: `message ${index + 1}` },
          seq: index + 1,
          turn: 1,
        })),
        { conversationId, requestId: undefined, atMs: 0 },
        new Sealer([]),
      );
      await inserts.execute(kysely.withPlugin(counter), rows);
      expect(counter.statements).toBeLessThanOrEqual(atMost);
      const stored = await kysely
        .selectFrom('conversation_messages')
        .select(['seq', 'id', 'body'])
        .where('conversation_id', '=', conversationId)
        .orderBy('seq')
        .execute();
      expect(stored).toEqual(rows.map(({ seq, id, body }) => ({ seq, id, body })));
    }
  });
});
