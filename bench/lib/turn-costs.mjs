import { API_KEY } from './gateway.mjs';
import { cpuMicros } from './process-stats.mjs';
import { Talks } from './talks.mjs';
import { Target } from './target.mjs';
import { JSON_MODEL, smallBody, talkBody } from '../scenarios.mjs';

const PATH = '/v1/chat/completions';
const CONNECTIONS = 64;
/** Each is gone on with at most twice a round, and is as long as before in the next. */
const MANY = 1_500;
const REQUESTS = 3_000;
const QUICK_REQUESTS = 1_000;

/** Conversations that are gone on with. */
const KINDS = [
  { name: 'turns02', turns: 2, many: MANY },
  { name: 'turns20', turns: 20, many: MANY },
];

/** A gateway with two chatbots and conversations, and what there is to ask of it. */
export class TurnCosts {
  #gateway;
  #talks;
  #asking;

  constructor(gateway, talks, asking) {
    this.#gateway = gateway;
    this.#talks = talks;
    this.#asking = asking;
  }

  /** @param others how many conversations of 100 messages are stored besides */
  static async start({ startGateway, main }, others) {
    const models = [JSON_MODEL];
    const first = await startGateway(models);
    const forgetful = await newChatbot(first.port, { policy: 'none' });
    const mindful = await newChatbot(first.port, { policy: 'window' });
    const folder = await first.halt();
    const talks = await Talks.fill(folder, { main, chatbotId: mindful, kinds: KINDS, others });
    const gateway = await startGateway(models, { folder });
    const target = Target.gateway(gateway);
    const post = (body) => target.posting(PATH, body);
    const among = ({ name }) => ({
      port: gateway.port,
      variants: talks.namesOf(name).map((id) => post(talkBody(mindful, id)).request),
    });
    return new TurnCosts(gateway, talks, {
      plain: post(smallBody(`${target.modelPrefix}${JSON_MODEL}`)),
      forgetful: post(smallBody(forgetful)),
      begun: post(smallBody(mindful)),
      ...Object.fromEntries(KINDS.map((kind) => [kind.name, among(kind)])),
    });
  }

  /** What can be asked, by name. */
  get names() {
    return Object.keys(this.#asking);
  }

  get storedMessages() {
    return this.#talks.storedMessages();
  }

  /** @returns CPU of one request of this kind, in µs */
  async measure(name, { load, quick }) {
    if (KINDS.some((kind) => kind.name === name)) this.#talks.restore(name);
    const before = cpuMicros(this.#gateway.pid);
    const { requests } = await load.run('closedLoop', {
      ...this.#asking[name],
      connections: CONNECTIONS,
      requests: quick ? QUICK_REQUESTS : REQUESTS,
    });
    return (cpuMicros(this.#gateway.pid) - before) / requests;
  }

  async stop() {
    this.#talks.close();
    await this.#gateway.stop();
  }
}

/**
 * Asks everything of every one of them, by turns, so that a slow minute of the machine falls on all.
 * @returns for each of `costs`, by name, one figure a round
 */
export async function measureInTurns(costs, bench) {
  const all = costs.flatMap((of, index) =>
    of.names.map((name) => ({ name: `${name} ${index}`, of, asked: name })),
  );
  for (const { of, asked } of all) await of.measure(asked, bench);
  const results = await bench.inTurns(bench.rounds, all, ({ of, asked }) => of.measure(asked, bench));
  return costs.map((of, index) =>
    Object.fromEntries(of.names.map((name) => [name, results[`${name} ${index}`]])),
  );
}

async function newChatbot(port, memory) {
  const response = await fetch(`http://127.0.0.1:${port}/v1/chatbots`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'Bench',
      model: `bench/${JSON_MODEL}`,
      system_prompt: 'You answer questions about countries, in one sentence.',
      memory,
    }),
  });
  if (!response.ok) throw new Error(`no chatbot: ${await response.text()}`);
  return (await response.json()).id;
}
