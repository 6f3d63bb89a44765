import { measureInTurns, TurnCosts } from '../lib/turn-costs.mjs';

export const models = [];

/**
 * CPU of one whole answer, closed loop, 64 requests at a time: of a plain model; of a chatbot that remembers nothing; of
 * one that begins a conversation and stores the turn; of one that goes on with 2 and with 20 turns.
 */
export async function measure(bench) {
  const costs = await TurnCosts.start(bench, 0);
  try {
    const [without] = await measureInTurns([costs], bench);
    return { without };
  } finally {
    await costs.stop();
  }
}
