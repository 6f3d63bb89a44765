import { describe, expect, it } from '@jest/globals';
import { LargeAnswers, type Seat } from './large-answers.js';

function enter(room: LargeAnswers, count: number): Seat[] {
  return Array.from({ length: count }, () => room.enter(() => undefined));
}

function taken(seats: readonly Seat[]): boolean[] {
  return seats.map((seat) => seat.taken);
}

describe('LargeAnswers', () => {
  it('seats as many as there are seats, the others in their order as seats come free', () => {
    const seats = enter(new LargeAnswers(2), 4);
    expect(taken(seats)).toEqual([true, true, false, false]);
    seats[1]?.leave();
    expect(taken(seats)).toEqual([true, true, true, false]);
    seats[2]?.leave();
    expect(taken(seats)).toEqual([true, true, true, true]);
  });

  it('tells who has waited, and nobody else, in a turn of its own', async () => {
    const room = new LargeAnswers(1);
    const told: string[] = [];
    const first = room.enter(() => told.push('first'));
    room.enter(() => told.push('second'));
    expect(told).toEqual([]);
    first.leave();
    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toEqual(['second']);
  });

  it('forgets who leaves the queue, and has all its seats again in the end', () => {
    const room = new LargeAnswers(2);
    const seats = enter(room, 4);
    seats[2]?.leave();
    seats[0]?.leave();
    expect(taken(seats)).toEqual([true, true, false, true]);
    seats[1]?.leave();
    seats[3]?.leave();
    expect(taken(enter(room, 3))).toEqual([true, true, false]);
  });
});
