/** Numbers in any order, given back from the lowest on: a binary heap. */
export class LowestFirst {
  private readonly numbers: number[] = [];

  add(number: number): void {
    const { numbers } = this;
    let place = numbers.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = numbers[above] as number;
      if (other <= number) break;
      numbers[place] = other;
      place = above;
    }
    numbers[place] = number;
  }

  /** Removes the lowest. @returns nothing when none is left */
  take(): number | undefined {
    const { numbers } = this;
    const lowest = numbers[0];
    const last = numbers.pop();
    if (last === undefined || numbers.length === 0) return lowest;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= numbers.length) break;
      if (below + 1 < numbers.length && (numbers[below + 1] as number) < (numbers[below] as number))
        below += 1;
      const other = numbers[below] as number;
      if (last <= other) break;
      numbers[place] = other;
      place = below;
    }
    numbers[place] = last;
    return lowest;
  }
}
