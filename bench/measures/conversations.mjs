import { measureInTurns, TurnCosts } from '../lib/turn-costs.mjs';

const OTHERS = 10_000;
const QUICK_OTHERS = 1_000;
const MESSAGES_OF_EACH = 100;

export const models = [];

/** As `chatbotTurn`, by turns on an almost empty database and on one with a million messages. */
export async function measure(bench) {
  const others = bench.quick ? QUICK_OTHERS : OTHERS;
  const costs = [];
  try {
    costs.push(await TurnCosts.start(bench, 0));
    costs.push(await TurnCosts.start(bench, others));
    const [without, withThem] = await measureInTurns(costs, bench);
    return { rows: others * MESSAGES_OF_EACH, messages: costs[1].storedMessages, without, withThem };
  } finally {
    await Promise.all(costs.map((of) => of.stop()));
  }
}
