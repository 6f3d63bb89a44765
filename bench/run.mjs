/**
 * `npm run bench`: what the gateway costs beside a plain relay, on this machine, in one run. Prints what it measures and
 * writes it to `bench/results/latest.json`; no figure makes it fail.
 *
 *   npm run bench -- [--quick] [--only jsonRequest,streamEvent] [--soak seconds] [--main other/dist/main.js]
 *     [--before old/dist/main.js] [--out file.json]
 *
 * With `--before` start and idle memory are told of that build, too, by turns.
 *
 * @see docs/benchmarks.md
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Gateway } from './lib/gateway.mjs';
import { describeMachine } from './lib/machine.mjs';
import { judged, toRows, toTable } from './lib/report.mjs';
import { Target } from './lib/target.mjs';
import { warmUp, WARM_UP_MODELS } from './lib/warm-up.mjs';
import { Worker } from './lib/worker.mjs';
import * as charges from './measures/charges.mjs';
import * as chatbotTurn from './measures/chatbot-turn.mjs';
import * as coldStart from './measures/cold-start.mjs';
import * as conversations from './measures/conversations.mjs';
import * as durableRecords from './measures/durable-records.mjs';
import * as jsonRequest from './measures/json-request.mjs';
import * as latency from './measures/latency.mjs';
import * as oneAccount from './measures/one-account.mjs';
import * as slowReaders from './measures/slow-readers.mjs';
import * as soak from './measures/soak.mjs';
import * as streamEvent from './measures/stream-event.mjs';
import * as streamMemory from './measures/stream-memory.mjs';

const MEASURES = {
  jsonRequest,
  streamEvent,
  latency,
  streamMemory,
  coldStart,
  slowReaders,
  durableRecords,
  oneAccount,
  charges,
  chatbotTurn,
  soak,
  conversations,
};
/** Only when they are named: they take minutes and gigabytes. */
const ON_REQUEST = new Set(['conversations']);
/** The others say nothing in a short time. */
const QUICK = ['jsonRequest', 'streamEvent', 'latency', 'coldStart', 'durableRecords', 'charges'];
/** Whatever goes wrong, a run ends. */
const RUN_TIMEOUT_MS = 10 * 60_000;
const ROUNDS = 5;
const QUICK_ROUNDS = 1;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    soak: { type: 'string' },
    main: { type: 'string', default: 'dist/main.js' },
    before: { type: 'string' },
    out: { type: 'string', default: 'bench/results/latest.json' },
  },
});

/** Everything that was started, to be stopped in the end. */
const started = new Set();

function keep(server) {
  started.add(server);
  return server;
}

async function stop(server) {
  started.delete(server);
  await server.stop();
}

async function stopAll() {
  await Promise.allSettled([...started].map((server) => server.stop()));
}

const startWorker = async (file) => keep(await Worker.start(new URL(file, import.meta.url)));

async function startFloor(upstreamPort) {
  const worker = await startWorker('floor.mjs');
  return { worker, pid: worker.pid, port: await worker.run('listen', { upstreamPort }) };
}

/**
 * Runs `measureOne` for each target by turns, so that a slow minute of the machine falls on both.
 * @returns by the target's name, one result a round
 */
async function inTurns(rounds, targets, measureOne) {
  const results = Object.fromEntries(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      results[target.name].push(await measureOne(target));
    }
  }
  return results;
}

async function main() {
  const usual = Object.keys(MEASURES).filter((name) => !ON_REQUEST.has(name));
  const names = options.only?.split(',') ?? (options.quick ? QUICK : usual);
  const chosen = names.map((name) => [name, MEASURES[name]]);
  if (chosen.some(([, measure]) => measure === undefined)) {
    throw new Error(`--only takes ${Object.keys(MEASURES).join(', ')}`);
  }
  const builtMain = resolve(options.main);
  const machine = describeMachine();
  const upstream = await startWorker('upstream.mjs');
  const upstreamPort = await upstream.run('listen');
  const startGateway = async (models, settings = {}) =>
    keep(await Gateway.start({ main: builtMain, upstreamPort, models, ...settings }));
  const models = [...new Set([...WARM_UP_MODELS, ...chosen.flatMap(([, measure]) => measure.models)])];
  const gateway = await startGateway(models);
  const floor = await startFloor(upstreamPort);

  const bench = {
    quick: options.quick,
    main: builtMain,
    before: options.before === undefined ? undefined : resolve(options.before),
    soakSeconds: options.soak === undefined ? undefined : Number(options.soak),
    rounds: options.quick ? QUICK_ROUNDS : ROUNDS,
    targets: [Target.gateway(gateway), Target.floor(floor)],
    inTurns,
    upstream,
    load: await startWorker('load.mjs'),
    probe: await startWorker('load.mjs'),
    startGateway,
    freshTargets: [
      async (modelsOfOne) => {
        const fresh = await startGateway(modelsOfOne);
        return { target: Target.gateway(fresh), stop: () => stop(fresh) };
      },
      async () => {
        const fresh = await startFloor(upstreamPort);
        return { target: Target.floor(fresh), stop: () => stop(fresh.worker) };
      },
    ],
  };

  for (const target of bench.targets) await warmUp(target, bench.load);
  const results = {};
  for (const [name, measure] of chosen) {
    const startMs = performance.now();
    process.stderr.write(`${name} … `);
    results[name] = await measure.measure(bench);
    process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0)} s\n`);
  }

  const rows = toRows(results);
  process.stdout.write(`${describe(machine)}\n\n${toTable(rows)}\n`);
  const file = resolve(options.out);
  mkdirSync(dirname(file), { recursive: true });
  const judgedRows = rows.map((row) => ({ ...row, compared: judged(row) }));
  writeFileSync(
    file,
    `${JSON.stringify({ machine, quick: options.quick, rows: judgedRows, results }, null, 1)}\n`,
  );
}

function describe({ date, commit, cpu, cores, memoryGib, os, node, sqlite, loadAverage }) {
  return (
    `${date}  commit ${commit}${options.quick ? '  QUICK: for a first look only' : ''}\n` +
    `${cores} × ${cpu}, ${memoryGib} GiB, ${os}, load ${loadAverage.toFixed(2)} before; node ${node}, SQLite ${sqlite}\n` +
    'Gateway: surface with credits, authentication, limits and durable usage on (fsync before each answer), log at info.'
  );
}

setTimeout(() => {
  process.stderr.write('The run took too long.\n');
  void stopAll().finally(() => process.exit(1));
}, RUN_TIMEOUT_MS).unref();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void stopAll().finally(() => process.exit(1)));

try {
  await main();
} finally {
  await stopAll();
}
