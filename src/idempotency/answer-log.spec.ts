import { describe, expect, it } from '@jest/globals';
import { FlowGate } from '../streaming/flow-gate.js';
import { AnswerLog } from './answer-log.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What one reader has been given, and how it ended. */
function readerOf(log: AnswerLog, gate = new FlowGate()) {
  const seen = { text: '', slices: 0, end: undefined as unknown };
  const subscription = log.read(gate).subscribe({
    next: (slice) => {
      seen.text += slice;
      seen.slices += 1;
    },
    error: (error: unknown) => {
      seen.end = error;
    },
    complete: () => {
      seen.end = 'complete';
    },
  });
  return { seen, gate, leave: () => subscription.unsubscribe() };
}

const NOT_KEPT = expect.objectContaining({ code: 'idempotency_not_kept' });

describe('AnswerLog', () => {
  it('gives every reader all of it, whenever it comes, each at its own pace', async () => {
    let abandoned = 0;
    const log = new AnswerLog(1_000, () => (abandoned += 1));
    const early = readerOf(log);
    const slow = readerOf(log);
    slow.gate.close();
    log.add('one ');
    expect(early.seen.text).toBe('one ');
    log.add('two ');
    const late = readerOf(log);
    expect(late.seen.text).toBe('one two ');
    log.complete();
    expect(slow.seen).toMatchObject({ text: '', end: undefined });
    slow.gate.open();
    await turn();
    for (const { seen } of [early, slow, late, readerOf(log)]) {
      expect(seen).toMatchObject({ text: 'one two ', end: 'complete' });
    }
    expect(log.text()).toBe('one two ');
    expect(abandoned).toBe(0);
  });

  it('ends for readers as the answer did', () => {
    const log = new AnswerLog(1_000, () => {});
    const reader = readerOf(log);
    const error = new Error('broken');
    log.add('a');
    log.fail(error);
    expect(reader.seen).toMatchObject({ text: 'a', end: error });
    expect(readerOf(log).seen).toMatchObject({ text: 'a', end: error });
  });

  it('hands a long answer over in slices that a writer can stop between', async () => {
    const log = new AnswerLog(10_000_000, () => {});
    for (let i = 0; i < 1_000; i += 1) log.add('x'.repeat(1_000));
    log.complete();
    const reader = readerOf(log);
    reader.gate.close();
    await turn();
    expect(reader.seen.text.length).toBeLessThan(200_000);
    reader.gate.open();
    await turn();
    expect(reader.seen.text).toHaveLength(1_000_000);
    expect(reader.seen.slices).toBeGreaterThan(10);
  });

  describe('of an answer that is too long to be kept', () => {
    it('keeps only what its readers lack, and lets nobody join', () => {
      const log = new AnswerLog(100, () => {});
      const reader = readerOf(log);
      for (let i = 0; i < 50; i += 1) log.add('0123456789');
      expect(log.whole).toBe(false);
      expect(log.text()).toBe('');
      expect(readerOf(log).seen.end).toEqual(NOT_KEPT);
      log.complete();
      expect(reader.seen).toMatchObject({ end: 'complete' });
      expect(reader.seen.text).toHaveLength(500);
    });

    it('lets go of a reader that lags too far behind, and of no other', async () => {
      let abandoned = 0;
      const log = new AnswerLog(100, () => (abandoned += 1));
      const quick = readerOf(log);
      const slow = readerOf(log);
      slow.gate.close();
      for (let i = 0; i < 50; i += 1) log.add('0123456789');
      expect(log.text().length).toBeLessThanOrEqual(100);
      slow.gate.open();
      await turn();
      expect(slow.seen.end).toEqual(NOT_KEPT);
      expect(quick.seen.text).toHaveLength(500);
      expect(abandoned).toBe(0);
    });

    it('says once that nobody reads it any more', () => {
      let abandoned = 0;
      const log = new AnswerLog(100, () => (abandoned += 1));
      const reader = readerOf(log);
      log.add('x'.repeat(60));
      reader.leave();
      expect(abandoned).toBe(0);
      for (let i = 0; i < 5; i += 1) log.add('x'.repeat(60));
      expect(abandoned).toBe(1);
      expect(log.text()).toBe('');
    });
  });
});
