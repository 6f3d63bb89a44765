import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newChatbot } from '../support/chatbots.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/fake-upstream-replies.js';
import { HeldAnswer } from '../support/held-answer.js';
import { CHATBOT_PROMISES, type ChatbotPromise } from './chatbot-promises.js';
import { ContractHarness, FAKE } from './harness.js';
import { WEATHER_REPORT } from './samples.js';

export interface Spoken {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** What is asked of a chatbot. */
export interface Asked {
  readonly model: string;
  /** `undefined`: the field is not sent. */
  readonly conversationId?: string | undefined;
  readonly messages: readonly Spoken[];
  readonly settings?: { readonly temperature: number };
}

/** An answer; what a library does not show of it is no key of it. */
export interface Said {
  readonly text: string;
  /** Of the body, or of the last event of a stream. */
  readonly conversationId?: string | undefined;
  /** `x-conversation-id` */
  readonly header?: string | null | undefined;
}

/** What a library makes of a refusal. */
export interface Refused {
  readonly status: number | undefined;
  readonly code?: string | null | undefined;
  /** Name of the error's class. */
  readonly name: string;
  readonly message: string;
}

export interface Connection {
  readonly baseUrl: string;
  readonly apiKey: string;
}

/** A library as its users speak with a chatbot through it. */
export interface ChatbotClient {
  /** Folders of node_modules, as in `describeClient`. */
  readonly packages: string;
  /** Each way to ask; errors are thrown as the library throws them. */
  readonly ways: Readonly<Record<string, (to: Connection, asked: Asked) => Promise<Said>>>;
  /** Asks with a tool that says `WEATHER_REPORT`, as often as the library does by itself. @returns the last answer */
  readonly runTool: (to: Connection, asked: Asked) => Promise<string>;
  /** Asks, and sends nothing but the tool's result then; left out: the library cannot. @returns the last answer */
  readonly sendResult?: (to: Connection, asked: Asked) => Promise<string>;
  readonly refused: (error: unknown) => Refused;
  /** Class of the error by status. */
  readonly errors: Readonly<Record<403 | 404 | 409 | 499, string>>;
  /** Whether it sends a request again by itself that was refused with a 409. */
  readonly repeatsConflicts: boolean;
}

const user = (content: string): Spoken => ({ role: 'user', content });
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** One answers, 16 wait. */
const TOO_MANY = 18;

/** Declares one test a promise for a client of chatbots, on the surface that has conversations. */
export function describeChatbotClient(client: ChatbotClient): void {
  describe(`client ${client.packages} on /v1 (W)`, () => {
    let harness: ContractHarness;
    /** Tells what it was sent. */
    let talker: string;
    /** Answers as the fake upstream is told to. */
    let puppet: string;
    let connection: Connection;

    beforeAll(async () => {
      harness = await ContractHarness.start();
      talker = await newChatbot(harness.tollgate, { model: 'sandbox/chat', sampling: { temperature: 0 } });
      puppet = await newChatbot(harness.tollgate, { model: FAKE });
      connection = { baseUrl: `${harness.tollgate.origin}/v1`, apiKey: harness.tollgate.key };
    });
    afterEach(() => harness.reset());
    afterAll(() => harness.close());

    const ways = Object.entries(client.ways);
    const [, ask] = ways[0] as (typeof ways)[number];
    const sentBody = () => harness.upstream.requests.at(-1)?.body ?? {};
    const sent = () => sentBody()['messages'] as unknown[];
    /** What the gateway said in the header of its last answer, whatever the library shows. */
    const inbound = () => harness.inbound.at(-1)?.conversationId();
    const failureOf = (asked: Asked, to = connection): Promise<Refused> =>
      ask(to, asked).then(
        () => Promise.reject(new Error('it succeeded')),
        (error: unknown) => client.refused(error),
      );
    const expectRefused = (refused: Refused, status: keyof ChatbotClient['errors']) => {
      expect(refused).toMatchObject({ status, name: client.errors[status] });
      expect(refused.message).toMatch(/\w{3}/);
      expect(refused.message).not.toContain('no body');
    };
    /** Messages of the conversation before the last request. */
    const storedBefore = async () => {
      const usage = await harness.tollgate.usageOf(harness.inbound.at(-1)?.requestId() ?? '');
      return usage?.context?.conversation?.messages_stored;
    };

    const proofs: Record<ChatbotPromise, (() => Promise<void>) | undefined> = {
      async remembers() {
        const asked = { model: talker, conversationId: 'remembers' };
        let before = 'My name is Ada.';
        await ask(connection, { ...asked, messages: [user(before)] });
        for (const [way, askThisWay] of ways) {
          const next = `What did I say before I came by ${way}?`;
          const { text } = await askThisWay(connection, { ...asked, messages: [user(next)] });
          expect(text).toContain(before.slice(0, 40));
          before = next;
        }
      },

      async apart() {
        const said = 'My name is Ada.';
        const conversationId = 'apart';
        await ask(connection, { model: talker, conversationId, messages: [user(said)] });
        const another = await newChatbot(harness.tollgate, { model: 'sandbox/chat' });
        const key = await harness.tollgate.newKey();
        const theirs = await newChatbot(
          harness.tollgate,
          { model: 'sandbox/chat' },
          { accountId: key.accountId },
        );
        const elsewhere: [Connection, Asked][] = [
          [connection, { model: talker, conversationId: 'apart too', messages: [user('Who am I?')] }],
          [connection, { model: another, conversationId, messages: [user('Who am I?')] }],
          [
            { ...connection, apiKey: key.secret },
            { model: theirs, conversationId, messages: [user('Who am I?')] },
          ],
        ];
        for (const [to, asked] of elsewhere) {
          for (const [, askThisWay] of ways) expect((await askThisWay(to, asked)).text).not.toContain('Ada');
        }
      },

      async begins() {
        for (const [, askThisWay] of ways) {
          const first = await askThisWay(connection, { model: talker, messages: [user('My name is Ada.')] });
          // LangChain shows it of whole answers alone.
          const conversationId = first.conversationId ?? first.header ?? inbound();
          expect(conversationId).toMatch(UUID);
          expect(conversationId).toBe(inbound());
          const { text } = await askThisWay(connection, {
            model: talker,
            conversationId,
            messages: [user('Who am I?')],
          });
          expect(text).toContain('My name is Ada.');
        }
      },

      async named() {
        for (const [way, askThisWay] of ways) {
          const conversationId = `named by ${way}`;
          const said = await askThisWay(connection, {
            model: talker,
            conversationId,
            messages: [user('hi')],
          });
          expect(said).toEqual({
            text: said.text,
            ...('conversationId' in said && { conversationId }),
            ...('header' in said && { header: conversationId }),
          });
          expect(inbound()).toBe(conversationId);
        }
      },

      async resends() {
        const conversationId = 'resends';
        const history: Spoken[] = [];
        for (const [index, [, askThisWay]] of [...ways, ...ways].entries()) {
          history.push(user(`message ${index}`));
          const { text } = await askThisWay(connection, { model: puppet, conversationId, messages: history });
          history.push({ role: 'assistant', content: text });
          expect(sent()).toHaveLength(2 * index + 2);
        }
        await ask(connection, { model: puppet, conversationId, messages: [user('and now alone')] });
        expect(sent().slice(1)).toEqual([...history, user('and now alone')]);
      },

      async toolLoop() {
        const conversationId = 'tool loop';
        const messages = [user('What is the weather in Paris?')];
        expect(await client.runTool(connection, { model: talker, conversationId, messages })).toContain(
          WEATHER_REPORT,
        );
        expect(harness.inbound).toHaveLength(2);
        const { text } = await ask(connection, {
          model: talker,
          conversationId,
          messages: [user('Thanks.')],
        });
        expect(text).toContain('What is the weather in Paris?');
        expect(await storedBefore()).toBe(4);
      },

      toolResult:
        client.sendResult &&
        (async () => {
          const conversationId = 'tool result';
          const messages = [user('What is the weather in Paris?')];
          const asked = { model: talker, conversationId, messages };
          expect(await client.sendResult?.(connection, asked)).toContain(WEATHER_REPORT);
          await ask(connection, { model: talker, conversationId, messages: [user('Thanks.')] });
          expect(await storedBefore()).toBe(4);
        }),

      async settings() {
        await ask(connection, { model: puppet, messages: [user('hi')] });
        expect(sentBody()).toMatchObject({ temperature: 0.7, top_p: 1, max_tokens: 4096 });
        await ask(connection, { model: puppet, messages: [user('hi')], settings: { temperature: 0.25 } });
        expect(sentBody()).toMatchObject({ temperature: 0.25, top_p: 1 });
        expect(sent()).toEqual([{ role: 'system', content: 'You are Bot.' }, user('hi')]);
      },

      async unknown() {
        const messages = [user('hi')];
        expectRefused(await failureOf({ model: `bot_${'0'.repeat(32)}`, messages }), 404);
        expectRefused(
          await failureOf({ model: FAKE, conversationId: `conv_${'0'.repeat(32)}`, messages }),
          404,
        );
        expect(harness.inbound.map(({ status }) => status)).toEqual([404, 404]);
      },

      async forbidden() {
        const closed = await newChatbot(harness.tollgate, {}, { keyIds: [] });
        expectRefused(await failureOf({ model: closed, messages: [user('hi')] }), 403);
      },

      async failed() {
        const conversationId = 'failed';
        await ask(connection, { model: puppet, conversationId, messages: [user('one')] });
        harness.upstream.enqueue(failure(500));
        expectRefused(await failureOf({ model: puppet, conversationId, messages: [user('lost')] }), 499);
        expect(harness.inbound.map(({ status }) => status)).toEqual([200, 499]);
        await ask(connection, { model: puppet, conversationId, messages: [user('two')] });
        expect(sent().slice(1)).toEqual([
          user('one'),
          { role: 'assistant', content: 'Hello there!' },
          user('two'),
        ]);
      },

      async ordered() {
        const conversationId = 'ordered';
        const asked = ['a', 'b', 'c', 'd', 'e', 'f'].map((text, index) => {
          const [, askThisWay] = ways[index % ways.length] as (typeof ways)[number];
          return askThisWay(connection, { model: puppet, conversationId, messages: [user(text)] });
        });
        await Promise.all(asked);
        const lengths = harness.upstream.requests.map(({ body }) => (body['messages'] as unknown[]).length);
        expect(lengths).toEqual([2, 4, 6, 8, 10, 12]);
      },

      async busy() {
        const held = new HeldAnswer(false);
        harness.upstream.enqueue(held.reply);
        const asked = Array.from({ length: TOO_MANY }, (_, index) =>
          ask(connection, { model: puppet, conversationId: 'busy', messages: [user(`message ${index}`)] }),
        );
        const ends = Promise.allSettled(asked);
        await eventually(() => harness.inbound.some(({ status }) => status === 409), 'a refusal');
        await held.end();
        const refused = (await ends).flatMap((end) =>
          end.status === 'rejected' ? [end.reason as unknown] : [],
        );
        expect(refused).toHaveLength(client.repeatsConflicts ? 0 : 1);
        for (const error of refused) expectRefused(client.refused(error), 409);
        expect(harness.upstream.requests).toHaveLength(TOO_MANY - refused.length);
      },
    };

    for (const [promise, proof] of Object.entries(proofs)) {
      // oxlint-disable-next-line jest/valid-title, jest/expect-expect -- a table of titles; the proofs expect
      if (proof !== undefined) it(CHATBOT_PROMISES[promise as ChatbotPromise], proof);
    }
  });
}
