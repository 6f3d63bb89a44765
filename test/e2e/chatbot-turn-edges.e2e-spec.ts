import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChatTurnContext } from '../../src/chat/chat-turn-context.js';
import type { Recalled } from '../../src/chat/recall.service.js';
import { TurnWriterService } from '../../src/chat/turn-writer.service.js';
import { EMPTY_CHAIN } from '../../src/conversations/chain.js';
import { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { askChat, type Answered } from '../support/chat-asking.js';
import { firstAccount, newChatbot } from '../support/chatbots.js';
import { ConversationsClient } from '../support/conversations.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { Tollgate } from '../support/tollgate.js';

const HELLO = 'Hello there!';

describe('a turn of a conversation that something else happens to meanwhile', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let client: ConversationsClient;
  let accountId: string;
  let chatbotId: string;
  let clientId: string;
  let conversations = 0;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    client = new ConversationsClient(tollgate);
    accountId = await firstAccount(tollgate);
    chatbotId = await newChatbot(tollgate);
  });
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });
  beforeEach(() => {
    conversations += 1;
    clientId = `talk ${conversations}`;
    upstream.clear();
  });

  const say = (content: string, conversation_id = clientId): Promise<Answered> =>
    askChat(tollgate, { model: chatbotId, conversation_id, messages: [{ role: 'user', content }] });

  /** A turn that is answered when `meanwhile` has happened. */
  async function sayDuring(content: string, meanwhile: () => Promise<unknown>): Promise<Answered> {
    const held = new HeldAnswer(false);
    upstream.enqueue(held.reply);
    const answered = say(content);
    await held.asked();
    await meanwhile();
    await held.end();
    return answered;
  }

  /** What the upstream was sent last, after the chatbot's prompt. */
  const sent = (): string[] => {
    const messages = upstream.requests.at(-1)?.body['messages'] as { content: string }[] | undefined;
    return messages?.slice(1).map(({ content }) => content) ?? [];
  };

  const scope = () => ({ accountId, chatbotId, clientId });

  const idOf = async (): Promise<string> => {
    const { kysely } = tollgate.app.get(Database);
    const { id } = await kysely
      .selectFrom('conversations')
      .select('id')
      .where('client_id', '=', clientId)
      .executeTakeFirstOrThrow();
    return id;
  };

  /** As is done for a turn whose charge was confirmed after its client had been told of a failure. */
  async function takeBack({ requestId }: Answered): Promise<void> {
    const job = { body: { model: chatbotId }, context: { requestId } };
    const sink = tollgate.app
      .get(TurnWriterService, { strict: false })
      .sinkOf({ job } as unknown as ChatTurnContext, scope(), {
        conversationId: await idOf(),
        version: undefined,
        fresh: [],
        before: { messageCount: 0, chain: EMPTY_CHAIN },
      } as unknown as Recalled);
    await inTransaction(tollgate.app.get(Database).kysely, (trx) => sink.revert!(trx));
  }

  it('keeps the turn before it, which was to be taken back, since it has been sent to its model', async () => {
    const first = await say('one');
    const second = await sayDuring('two', () => takeBack(first));
    expect(second.status).toBe(200);
    await say('three');
    expect(sent()).toEqual(['one', HELLO, 'two', HELLO, 'three']);
  });

  it('finds nothing of a turn that was taken back before it', async () => {
    await takeBack(await say('one'));
    await say('two');
    expect(sent()).toEqual(['two']);
    await say('three');
    expect(sent()).toEqual(['two', HELLO, 'three']);
  });

  it('is not told of another conversation that was begun under the id of an erased one', async () => {
    await say('one');
    const keeping = tollgate.app.get(TurnWriterService, { strict: false });
    const found = { conversationId: await idOf(), version: 1 } as unknown as Recalled;
    const { stillAsFound } = keeping.exclusive(scope(), found);
    const asFound = () => inTransaction(tollgate.app.get(Database).kysely, (trx) => stillAsFound!(trx));
    expect(await asFound()).toBe(true);
    await client.send('DELETE', `/conversations/${await idOf()}`);
    expect(await asFound()).toBe(false);
    // It has the same version.
    await say('another');
    expect(await asFound()).toBe(false);
  });

  it('that names an erased conversation by our id does not go on in one that has its name', async () => {
    await say('one');
    const id = await idOf();
    let other: Promise<Answered> | undefined;
    let stray: Promise<Answered> | undefined;
    await sayDuring('two', async () => {
      other = say('other');
      stray = say('stray', id);
      // Both wait for their turn; the first of them begins a new conversation.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await client.send('DELETE', `/conversations/${id}`);
    });
    expect((await other)?.status).toBe(200);
    expect((await stray)?.status).toBe(404);
  });
});
