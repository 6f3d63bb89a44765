import * as fc from 'fast-check';
import { ACCOUNTS } from './ledger-model.js';

const account = fc.nat({ max: ACCOUNTS - 1 });
const index = fc.nat({ max: 1_000 });
const amount = fc.bigInt({ min: 0n, max: 300n });
const forgetful = fc.boolean();

const opening = fc.record({ account, most: amount, part: fc.nat({ max: 4 }) });
const closing = fc.record({
  index,
  prompt: fc.nat({ max: 200 }),
  completion: fc.nat({ max: 400 }),
  move: fc.constantFrom('settle' as const, 'settle' as const, 'release' as const),
});

/** One step of a history. Indices name a hold that was opened before, by remainder. */
export const operation = fc.oneof(
  fc.record({ kind: fc.constant('post' as const), account, amount: fc.bigInt({ min: -400n, max: 800n }) }),
  fc.record({
    kind: fc.constant('open' as const),
    many: fc.array(opening, { minLength: 1, maxLength: 4 }),
    doomed: fc.boolean(),
    forgetful,
  }),
  fc.record({ kind: fc.constant('extend' as const), index, wanted: amount, forgetful }),
  fc.record({
    kind: fc.constant('settle' as const),
    many: fc.array(closing, { minLength: 1, maxLength: 4 }),
    forgetful,
  }),
  fc.record({
    kind: fc.constant('note' as const),
    index,
    tokens: fc.integer({ min: 1, max: 300 }),
    forgetful,
  }),
  fc.record({ kind: fc.constant('give back' as const), index }),
  fc.record({ kind: fc.constant('sweep' as const), forgetful }),
);
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
