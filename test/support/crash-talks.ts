import type { Kysely } from 'kysely';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import type { MessageBody } from '../../src/conversations/conversation.row.js';
import type { Tables } from '../../src/persistence/tables.js';
import type { Payer } from './crash-accounts.js';
import type { Question } from './crash-load.js';
import type { FakeRequest } from './fake-upstream-exchange.js';

/** Of turns, those that open a conversation of their own, and those that try to go on where an earlier life ended. */
const FRESH_SHARE = 0.2;
const EARLIER_SHARE = 0.2;

/** What clients say to chatbots, over all lives of a ring. Nothing is said twice, so each turn is known by its words. */
export class Talks {
  private said = 0;
  private life = 0;
  /** Conversations that were ever named, by payer. */
  private readonly names = new Map<Payer, Set<string>>();

  nextLife(): void {
    this.life += 1;
  }

  next(payer: Payer): Required<Pick<Question, 'conversation' | 'content'>> {
    const chance = Math.random();
    if (chance < FRESH_SHARE)
      return { conversation: undefined, content: this.words(payer, 'one of its own') };
    const life =
      chance < FRESH_SHARE + EARLIER_SHARE ? Math.floor(Math.random() * (this.life + 1)) : this.life;
    return this.goOn(payer, `life ${life}, talk ${Math.floor(Math.random() * 2)}`);
  }

  goOn(payer: Payer, conversation: string): { conversation: string; content: string } {
    const names = this.names.get(payer) ?? new Set();
    this.names.set(payer, names.add(conversation));
    return { conversation, content: this.words(payer, conversation) };
  }

  all(): (readonly [Payer, string])[] {
    return [...this.names].flatMap(([payer, names]) => [...names].map((name) => [payer, name] as const));
  }

  private words({ accountId }: Payer, conversation: string): string {
    this.said += 1;
    return `${accountId} in ${conversation}: ${this.said}`;
  }
}

/** What an upstream is asked: the last of its messages. */
export function askedOf({ body }: FakeRequest): string {
  const messages = body['messages'] as ChatMessage[] | undefined;
  return String(messages?.at(-1)?.content);
}

/** The beginning of what an upstream says to it. */
export function answerTo(content: string): string {
  return `You said ${content}.`;
}

/**
 * Compares what chatbots' upstreams were sent with their conversations as these stand in the end: each was sent a
 * beginning of one, all that stands before its own turn if that is stored; and each stored turn has its own answer.
 */
export async function brokenTalks(db: Kysely<Tables>, asked: readonly FakeRequest[]): Promise<string[]> {
  const stories = await readStories(db);
  const places = new Map(
    [...stories].flatMap(([id, story]) => story.map((content, index) => [content, { id, index }] as const)),
  );
  const broken = [...stories].flatMap(([id, story]) =>
    story
      .filter((content, index) => index % 2 === 0 && !story[index + 1]?.startsWith(answerTo(content)))
      .map((content) => `${id}: another's answer to "${content}"`),
  );
  for (const { body } of asked) {
    const [lead, ...said] = (body['messages'] as ChatMessage[] | undefined) ?? [];
    if (lead?.role !== 'system') continue;
    const contents = said.map(({ content }) => String(content));
    const own = contents.pop() ?? '';
    const story = stories.get(places.get(contents[0] ?? own)?.id ?? '');
    if (contents.some((content, index) => content !== story?.[index])) {
      broken.push(`"${own}" was sent with what is not the beginning of its conversation`);
    }
    const place = places.get(own);
    if (place !== undefined && place.index !== contents.length) {
      broken.push(`"${own}" was sent with ${contents.length} messages and stands after ${place.index}`);
    }
  }
  return broken;
}

/** What was said, in order, by conversation. */
async function readStories(db: Kysely<Tables>): Promise<Map<string, string[]>> {
  const rows = await db
    .selectFrom('conversation_messages')
    .select(['conversation_id', 'body'])
    .orderBy('conversation_id')
    .orderBy('seq')
    .execute();
  const stories = Map.groupBy(rows, (row) => row.conversation_id);
  return new Map(
    [...stories].map(([id, of]) => [
      id,
      of.map(({ body }) => String((JSON.parse(body) as MessageBody).message.content)),
    ]),
  );
}
