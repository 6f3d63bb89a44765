import { describe, expect, it } from '@jest/globals';
import { ReplayMemory, type ReplayRequest } from './replay-memory.js';

const BOUNDS = { bytes: 100, bytesOfAccount: 50, waitMs: 40 };

function answer(requestId: string, bytes: number, accountId = 'acct_1'): ReplayRequest {
  return { requestId, accountId, bytes };
}

const load = (): Promise<Buffer> => Promise.resolve(Buffer.from('kept'));
const broken = (): Promise<Buffer> => Promise.reject(new Error('broken'));
const FULL = { code: 'overloaded', retryAfterMs: 1_000 };

describe('ReplayMemory', () => {
  it('reads an answer once for all who are sent it at a time', async () => {
    const memory = new ReplayMemory(BOUNDS);
    let loads = 0;
    const counted = (): Promise<Buffer> => {
      loads += 1;
      return load();
    };
    const leases = await Promise.all(
      Array.from({ length: 20 }, () => memory.open(answer('req_1', 40), counted)),
    );
    expect(new Set(leases.map(({ bytes }) => bytes)).size).toBe(1);
    expect(loads).toBe(1);
    for (const lease of leases) lease.release();
    (await memory.open(answer('req_1', 40), counted)).release();
    expect(loads).toBe(2);
  });

  it('bounds the answers of one account, and those of all', async () => {
    const memory = new ReplayMemory(BOUNDS);
    await memory.open(answer('req_1', 40), load);
    await expect(memory.open(answer('req_2', 40), load)).rejects.toMatchObject(FULL);
    await memory.open(answer('req_3', 40, 'acct_2'), load);
    await expect(memory.open(answer('req_4', 40, 'acct_3'), load)).rejects.toMatchObject(FULL);
    await memory.open(answer('req_5', 20, 'acct_3'), load);
  });

  it('lets in what waits, in its order, as soon as there is room', async () => {
    const memory = new ReplayMemory({ ...BOUNDS, waitMs: 5_000 });
    const first = await memory.open(answer('req_1', 50), load);
    const order: string[] = [];
    const waiting = ['req_2', 'req_3'].map(async (id) => {
      const lease = await memory.open(answer(id, 25), load);
      order.push(id);
      return lease;
    });
    first.release();
    first.release();
    await Promise.all(waiting);
    expect(order).toEqual(['req_2', 'req_3']);
  });

  it('lets a single answer in whatever its size', async () => {
    const memory = new ReplayMemory(BOUNDS);
    const lease = await memory.open(answer('req_1', 1_000), load);
    expect(lease.bytes.toString()).toBe('kept');
  });

  it('gives the room back where an answer cannot be read', async () => {
    const memory = new ReplayMemory(BOUNDS);
    await expect(memory.open(answer('req_1', 50), broken)).rejects.toThrow('broken');
    (await memory.open(answer('req_2', 50), load)).release();
  });
});
