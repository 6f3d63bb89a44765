import { least } from './statistics.mjs';

const KIB = 1024;
const MIB = 1024 * 1024;

/**
 * One line of the table. `base` is the floor in the same run, the gateway before the load, or an older build; with `compare` the target
 * speaks of the ratio to it or of what was added to it, else of the figure itself.
 * @typedef {{ figure: string, unit: string, gateway: number, base?: number, compare?: 'ratio' | 'added',
 *   target?: number }} Row
 */

/**
 * Turns what the measures gave into rows. Targets are those of the project's speed budget; none of them fails a run.
 * @param results by the measure's name; one that was left out has no rows
 * @returns {Row[]}
 */
export function toRows(results) {
  return Object.entries(results).flatMap(([name, result]) => ROWS[name](result));
}

const ROWS = {
  jsonRequest: ({ small, small16, messages100 }) => [
    { ...cpu('CPU a JSON request', small), target: 3.5 },
    { ...cpu('CPU a JSON request, 16 at a time', small16), target: 3.5 },
    { ...cpu('CPU a JSON request, 100 messages', messages100), target: 3.5 },
  ],
  streamEvent: ({ perRead1, perRead10 }) => [
    { ...cpu('CPU an event, 1 a read', perRead1), target: 3 },
    { ...cpu('CPU an event, 10 a read', perRead10), target: 3 },
  ],
  latency: ({ json, firstToken }) => [
    added('JSON answer at 200/s, p50', json, 'p50'),
    added('JSON answer at 200/s, p99', json, 'p99'),
    added('First token among 200 streams, p50', firstToken, 'p50'),
    { ...added('First token among 200 streams, p99', firstToken, 'p99'), target: 5 },
  ],
  streamMemory: ({ streams, gateway, floor }) => [
    {
      figure: `Memory a stream, ${streams} open`,
      unit: 'KiB',
      gateway: gateway.perStream / KIB,
      base: floor.perStream / KIB,
      target: 50,
    },
  ],
  coldStart: ({ firstBoot, laterBoot, idleBytes, before }) => [
    {
      figure: 'Ready after spawn, empty folder',
      unit: 's',
      gateway: firstBoot,
      base: before?.firstBoot,
      target: 1,
    },
    { figure: 'Ready after spawn, later', unit: 's', gateway: laterBoot, base: before?.laterBoot, target: 1 },
    {
      figure: 'RSS of a process left alone',
      unit: 'MiB',
      gateway: idleBytes / MIB,
      base: before && before.idleBytes / MIB,
      target: 130,
    },
  ],
  slowReaders: ({ readers, holdSeconds, before, full, after }) => [
    {
      figure: `RSS with ${readers} readers of 1 KB/s`,
      unit: 'MiB',
      gateway: full.rss / MIB,
      base: before.rss / MIB,
      compare: 'added',
    },
    {
      figure: `RSS ${holdSeconds} s later`,
      unit: 'MiB',
      gateway: after.rss / MIB,
      base: full.rss / MIB,
      compare: 'added',
      target: 5,
    },
    {
      figure: 'First token of others meanwhile, p50',
      unit: 'ms',
      gateway: after.firstToken.p50,
      base: before.firstToken.p50,
      compare: 'added',
      target: 2,
    },
    {
      figure: 'First token of others meanwhile, p99',
      unit: 'ms',
      gateway: after.firstToken.p99,
      base: before.firstToken.p99,
      compare: 'added',
    },
  ],
  durableRecords: ({ perSecond, answers, rows }) => [
    { figure: 'Durable answers a second', unit: '/s', gateway: perSecond },
    { figure: 'Answers without their usage row', unit: '', gateway: answers - rows, target: 0 },
  ],
  oneAccount: ({ rate, answers, p50, p99, eventLoopP99Ms, differences }) => [
    { figure: `Answers at ${rate}/s on one account, none refused`, unit: '', gateway: answers },
    { figure: `JSON answer at ${rate}/s on one account, p50`, unit: 'ms', gateway: p50 },
    { figure: `JSON answer at ${rate}/s on one account, p99`, unit: 'ms', gateway: p99 },
    { figure: 'Event loop delay meanwhile, p99', unit: 'ms', gateway: eventLoopP99Ms },
    { figure: 'What the ledger then has wrong', unit: '', gateway: differences, target: 0 },
  ],
  charges: ({ single, batched }) => [
    { figure: 'Charges (hold and settlement), one by one', unit: '/s', gateway: single.perSecond },
    { figure: 'CPU of such a charge', unit: 'µs', gateway: single.cpuUs },
    { figure: 'Charges, 100 at a time', unit: '/s', gateway: batched.perSecond },
    { figure: 'CPU of such a charge in a group', unit: 'µs', gateway: batched.cpuUs },
  ],
  chatbotTurn: ({ without }) => turnRows(without),
  conversations: ({ messages, rows, without, withThem }) => [
    ...turnRows(withThem, without, `, ${(rows / 1e6).toFixed(1)} million messages stored`),
    { figure: 'Messages in that database', unit: '', gateway: messages },
  ],
  soak: ({ seconds, heapMibPerMinute, externalMibPerMinute, rssMibPerMinute }) => [
    { figure: `Heap slope in ${seconds} s, after GC`, unit: 'MiB/min', gateway: heapMibPerMinute, target: 1 },
    { figure: `External slope in ${seconds} s, after GC`, unit: 'MiB/min', gateway: externalMibPerMinute },
    { figure: `RSS slope in ${seconds} s, after GC`, unit: 'MiB/min', gateway: rssMibPerMinute, target: 1 },
  ],
};

/** @param without the same on an almost empty database */
function turnRows(measured, without, note = '') {
  const now = turnCosts(measured);
  const before = without && turnCosts(without);
  const row = (figure, name) => ({
    figure: `${figure}${note}`,
    unit: 'µs',
    gateway: now[name],
    ...(before && { base: before[name], compare: 'ratio' }),
  });
  return [
    row('CPU a JSON request at /v1, plain model', 'plain'),
    row('CPU a request of a chatbot without memory', 'forgetful'),
    row('CPU a turn that begins a conversation', 'begun'),
    row('CPU a turn after 2 turns', 'turns02'),
    row('CPU a turn after 20 turns', 'turns20'),
    row('CPU of the chatbot alone', 'own'),
    ...(before === undefined ? [] : [row('CPU of storing a turn', 'store')]),
    { figure: `CPU of storing a turn${note}`, unit: 'µs', gateway: now.store, target: 60 },
  ];
}

function turnCosts(results) {
  const costs = Object.fromEntries(Object.entries(results).map(([name, rounds]) => [name, least(rounds)]));
  return { ...costs, own: costs.forgetful - costs.plain, store: costs.begun - costs.forgetful };
}

function cpu(figure, { gateway, floor }) {
  return { figure, unit: 'µs', gateway: least(gateway), base: least(floor), compare: 'ratio' };
}

function added(figure, { gateway, floor }, quantile) {
  const of = (turns) => least(turns.map((turn) => turn[quantile]));
  return { figure, unit: 'ms', gateway: of(gateway), base: of(floor), compare: 'added' };
}

/** The number that a row's target speaks of. */
export function judged({ gateway, base, compare }) {
  if (compare === 'ratio') return gateway / base;
  return compare === 'added' ? gateway - base : gateway;
}

/** @param {Row[]} rows */
export function toTable(rows) {
  const cells = [
    ['', 'gateway', 'floor/before', 'compared', 'target', ''],
    ...rows.map((row) => {
      const { unit, gateway, base, compare, target } = row;
      const value = judged(row);
      const suffix = compare === 'ratio' ? ' ×' : ` ${unit}`;
      return [
        row.figure,
        `${short(gateway)} ${unit}`,
        base === undefined ? '' : `${short(base)} ${unit}`,
        compare === undefined
          ? ''
          : `${compare === 'added' && value >= 0 ? '+' : ''}${short(value)}${suffix}`,
        target === undefined ? '' : `≤ ${target}${suffix}`,
        target === undefined ? '' : value <= target ? 'met' : 'NOT MET',
      ];
    }),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three digits that matter; more would claim a precision that is not there. */
function short(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
