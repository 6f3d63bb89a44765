import { describe, expect, it } from '@jest/globals';
import { ConversationQueue } from './conversation-queue.js';

const present = new AbortController().signal;

describe('ConversationQueue', () => {
  it('lets one request of a conversation go on at a time, the others in the order in which they came', async () => {
    const queue = new ConversationQueue();
    const order: string[] = [];
    const run = async (name: string): Promise<void> => {
      const leave = await queue.enter('one', present);
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
      leave();
    };
    await Promise.all([run('a'), run('b'), run('c')]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('lets other conversations pass', async () => {
    const queue = new ConversationQueue();
    await queue.enter('one', present);
    await expect(queue.enter('two', present)).resolves.toBeInstanceOf(Function);
  });

  it('gives up the place of a client that leaves, and the next one keeps its own', async () => {
    const queue = new ConversationQueue();
    const leave = await queue.enter('one', present);
    const leaving = new AbortController();
    const left = queue.enter('one', leaving.signal);
    const next = queue.enter('one', present);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'conversation_busy' });
    leave();
    await expect(next).resolves.toBeInstanceOf(Function);
  });

  it('refuses a request whose turn does not come in time', async () => {
    const queue = new ConversationQueue(5);
    await queue.enter('one', present);
    await expect(queue.enter('one', present)).rejects.toMatchObject({ code: 'conversation_busy' });
  });

  it('refuses a request where too many wait already', async () => {
    const queue = new ConversationQueue();
    await queue.enter('one', present);
    const leaving = new AbortController();
    const waiting = Array.from({ length: 16 }, () => queue.enter('one', leaving.signal));
    await expect(queue.enter('one', present)).rejects.toMatchObject({ code: 'conversation_busy' });
    leaving.abort();
    expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('frees a place once, however often it is left', async () => {
    const queue = new ConversationQueue();
    const leave = await queue.enter('one', present);
    const second = queue.enter('one', present);
    leave();
    await second;
    leave();
    const third = queue.enter('one', present);
    const state = await Promise.race([third.then(() => 'entered'), Promise.resolve('waits')]);
    expect(state).toBe('waits');
  });
});
