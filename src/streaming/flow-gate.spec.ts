import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { FlowGate } from './flow-gate.js';

describe('FlowGate', () => {
  it('lets through what waits once it is opened', async () => {
    const gate = new FlowGate();
    gate.close();
    gate.close();
    const passage = gate.passage();
    expect([gate.closed, await passed(passage)]).toEqual([true, false]);
    gate.open();
    expect([gate.closed, await passed(passage)]).toEqual([false, true]);
  });

  it('stays closed until both the client can take more and what was waited for is there', async () => {
    for (const clientFirst of [true, false]) {
      const gate = new FlowGate();
      const { promise, resolve } = Promise.withResolvers<void>();
      gate.close();
      gate.closeUntil(promise);
      const passage = gate.passage();
      const steps = clientFirst ? [() => gate.open(), resolve] : [resolve, () => gate.open()];
      steps[0]?.();
      expect([await passed(passage), gate.closed]).toEqual([false, true]);
      steps[1]?.();
      expect([await passed(passage), gate.closed]).toEqual([true, false]);
    }
  });

  it('waits for the last of several things', async () => {
    const gate = new FlowGate();
    const [first, last] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    gate.closeUntil(first.promise);
    gate.closeUntil(last.promise);
    const passage = gate.passage();
    first.resolve();
    expect(await passed(passage)).toBe(false);
    last.resolve();
    expect(await passed(passage)).toBe(true);
  });
});

function passed(passage: Promise<void>): Promise<boolean> {
  return Promise.race([passage.then(() => true), turn(false)]);
}
