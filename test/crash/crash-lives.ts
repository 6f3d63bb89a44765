import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CrashRing, type CrashPoint } from '../support/crash-ring.js';

/** Lives a point; with twice as many at any time that makes 110 a database. */
const LIVES = 10;

const POINTS: readonly { point: CrashPoint; lives: number; passages: number }[] = [
  { point: 'after-hold', lives: LIVES, passages: 20 },
  { point: 'upstream-wait', lives: LIVES, passages: 20 },
  { point: 'mid-stream', lives: LIVES, passages: 60 },
  { point: 'before-commit', lives: LIVES, passages: 40 },
  { point: 'after-commit', lives: LIVES, passages: 40 },
  { point: 'before-last-byte', lives: LIVES, passages: 20 },
  { point: 'turn-answered', lives: LIVES, passages: 10 },
  { point: 'turn-written', lives: LIVES, passages: 10 },
  { point: 'turn-settled', lives: LIVES, passages: 10 },
  { point: 'any-time', lives: 2 * LIVES, passages: 30 },
];

/** P2, I1 to I6: a gateway that is killed again and again under load, on one database from first to last. */
export function describeCrashes(databaseUrl: () => Promise<string | undefined>): void {
  let ring: CrashRing;
  beforeAll(async () => {
    ring = await CrashRing.open({ databaseUrl: await databaseUrl() });
  });
  afterAll(() => ring.close());

  it.each(POINTS)('P2: $lives deaths, $point: every invariant holds after each', async (row) => {
    for (let life = 0; life < row.lives; life += 1) {
      const passage = 1 + Math.floor(Math.random() * row.passages);
      expect({ passage, broken: await ring.life(row.point, passage) }).toEqual({ passage, broken: [] });
    }
  });

  it('P2: after the last death all is resolved, what clients have whole is paid for once, and conversations go on', async () => {
    expect(await ring.aftermath()).toEqual([]);
    expect(ring.kills).toBeGreaterThanOrEqual(100);
    // A death at any time is no death at a point, and a program that has changed no longer passes it.
    const unreached = POINTS.filter(({ point }) => point !== 'any-time' && !ring.reached.has(point));
    expect(unreached.map(({ point }) => point)).toEqual([]);
    const ends = Object.groupBy(ring.seen, ({ end }) => end);
    // Else the ring has shown nothing: deaths must have come before, within and after answers.
    expect(ends.whole?.length).toBeGreaterThan(200);
    expect(ends.cut?.length).toBeGreaterThan(20);
    expect(
      ring.seen.filter(({ end, conversation }) => end === 'whole' && conversation).length,
    ).toBeGreaterThan(50);
  });
}
