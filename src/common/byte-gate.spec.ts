import { describe, expect, it } from '@jest/globals';
import { ByteGate } from './byte-gate.js';

describe('ByteGate', () => {
  it('lets no more in than fits, in order of arrival, and whoever is larger alone', async () => {
    const gate = new ByteGate(10);
    const order: number[] = [];
    let [inside, most] = [0, 0];
    const enter = (name: number, bytes: number) =>
      gate.during(bytes, async () => {
        order.push(name);
        inside += bytes;
        most = Math.max(most, inside);
        most = Math.max(most, inside > bytes && bytes > 10 ? Infinity : 0);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside -= bytes;
      });
    await Promise.all([enter(1, 6), enter(2, 4), enter(3, 30), enter(4, 1), enter(5, 9), enter(6, 1)]);
    expect(order).toEqual([1, 2, 3, 4, 5, 6]);
    expect(most).toBe(30);
  });

  it('lets others in after one that failed', async () => {
    const gate = new ByteGate(1);
    await expect(gate.during(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.during(1, async () => 'yes')).toBe('yes');
  });
});
