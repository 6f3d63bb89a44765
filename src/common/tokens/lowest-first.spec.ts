import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { LowestFirst } from './lowest-first.js';

describe('LowestFirst', () => {
  it('gives back what was added, the lowest of what is left each time', () => {
    const step = fc.option(fc.nat({ max: 20 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queue = new LowestFirst();
        const left: number[] = [];
        const taken: (number | undefined)[] = [];
        const lowest: (number | undefined)[] = [];
        for (const number of steps) {
          if (number === undefined) {
            taken.push(queue.take());
            lowest.push(left.sort((one, other) => one - other).shift());
          } else {
            queue.add(number);
            left.push(number);
          }
        }
        expect(taken).toEqual(lowest);
      }),
    );
  });
});
