/** docs/conformance.md as text. The same results give the same bytes: nothing of when, where or how fast. */
import type { ConformanceSection } from './conformance-cases.js';
import type {
  CaseResult,
  ClientResult,
  ConformanceResults,
  PromiseResult,
  SurfaceName,
} from './conformance-results.js';

export interface Package {
  readonly name: string;
  readonly version: string;
}

const SURFACES: readonly SurfaceName[] = ['W', 'Q', 'L'];

const HEAD = `# Conformance

Written by \`npm test\` from the results of its tests; edits are lost. Clients are run as they come from npm, over real
sockets, against every surface: **W** is \`/v1\`, **Q** is \`/api/v1\`, **L** is \`/api/public/v1/openai\`.

## Clients
`;

const ABOUT_SCORES = `Counted are the promises of the next table that hold, of those that the client can show; for \`compatcanary\`, its own
probes. \`openai-python\` needs a Python that these tests do not have.

## What each client gets

The surfaces where it holds; \`–\`: nothing that this client can show, or nothing that it promises itself.
`;

const HABITS = `Habits of clients that no server can change:

- The AI SDK and LangChain do not read \`x-should-retry\`, so they repeat a 504.
- LangChain repeats 499 and 422 as well; give it \`maxRetries: 0\` where that hurts.
- LangChain does not repeat a 409: when too many requests wait for one conversation, the last is its user's to repeat.
- W's list of finish reasons has no \`content_filter\`: an answer that was withheld says \`stop\` beside a \`refusal\`, which
  LangChain and the older AI SDK packages do not read.
- LlamaIndex and \`@ai-sdk/openai\` do not read \`reasoning_content\`; the latter needs \`.chat()\`, as its default model
  speaks the Responses API.

## Cases

All tests whose names carry the number, of every ring; \`!\`: the last run saw one of them fail.
`;

/** @param packageOf what is installed in a folder of node_modules */
export function toConformancePage(
  results: ConformanceResults,
  sections: readonly ConformanceSection[],
  packageOf: (folder: string) => Package,
): string {
  const clients = results.clients
    .map((client): Column => ({ client, packages: client.packages.map(packageOf) }))
    .toSorted((a, b) => compareClients(a.packages, b.packages));
  return [
    HEAD,
    clientTable(clients),
    ABOUT_SCORES,
    promiseTable(clients),
    HABITS,
    ...sections.flatMap((section) => [`### ${section.title}\n`, caseTable(section, results)]),
  ].join('\n');
}

/** A client with what is installed of it: itself, then what drives it. */
interface Column {
  readonly client: ClientResult;
  readonly packages: readonly Package[];
}

function clientTable(clients: readonly Column[]): string {
  const rows = clients.map(({ client, packages: [first, ...drivers] }) => {
    const driven = drivers.map((driver) => `, driven by \`${driver.name}\` ${driver.version}`).join('');
    const scores = SURFACES.map((surface) => score(client, surface));
    return [`\`${first?.name}\`${driven}`, first?.version ?? '', ...scores];
  });
  const notRun = ['`openai-python`', '', ...SURFACES.map(() => 'not run')];
  return table(['client', 'version', ...SURFACES], [...rows, notRun]);
}

function caseTable({ cases }: ConformanceSection, results: ConformanceResults): string {
  return table(
    ['case', 'promise', 'result', 'shown by'],
    cases.map(({ number, promise, open }) => {
      const result = results.cases.get(number);
      return [String(number), promise, verdict(result, open), shownBy(result)];
    }),
  );
}

/** A row for each promise that more than one client shows; a scanner's own probes are in its score. */
function promiseTable(columns: readonly Column[]): string {
  const titles = new Set(columns.flatMap(({ client }) => [...client.promises.keys()]));
  const shared = [...titles].filter(
    (title) => columns.filter(({ client }) => client.promises.has(title)).length > 1,
  );
  const shown = columns.filter(({ client }) => shared.some((title) => client.promises.has(title)));
  return table(
    ['promise', ...shown.map(({ packages }) => columnName(packages[0]))],
    shared
      .toSorted(compareText)
      .map((title) => [title, ...shown.map(({ client }) => cell(client.promises.get(title)))]),
  );
}

function cell(result: PromiseResult | undefined): string {
  if (result === undefined) return '–';
  const said = SURFACES.filter((surface) => surface in result);
  return said.map((surface) => (result[surface] === true ? surface : `**${surface} fails**`)).join(' ');
}

function score({ promises }: ClientResult, surface: SurfaceName): string {
  const results = [...promises.values()].filter((promise) => surface in promise);
  const held = results.filter((promise) => promise[surface] === true).length;
  return held === results.length ? `${held} of ${results.length}` : `**${held} of ${results.length}**`;
}

function verdict(result: CaseResult | undefined, open: string | undefined): string {
  const rest = open === undefined ? '' : `; ${open}`;
  if (result === undefined) return `not covered yet${rest}`;
  return (result.failed > 0 ? '**! fails**' : 'passes') + rest;
}

/** Names of specs without the endings that they all have; clients have a table of their own. */
function shownBy(result: CaseResult | undefined): string {
  const names = (result?.files ?? []).map((file) =>
    file.replace(/^.*\//, '').replace(/\.(?:[a-z0-9]+-)?spec\.ts$/, ''),
  );
  const unique = [...new Set(names)].toSorted(compareText);
  return [...unique, ...(result?.byClients === true ? ['the clients above'] : [])].join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(tableLine).join('');
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map(escaped).join(' | ')} |\n`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}

function columnName(client: Package | undefined): string {
  // Before 1.0 it is the second number that says what fits what.
  return `${client?.name} ${/^0\.\d+|^\d+/.exec(client?.version ?? '')?.[0]}`;
}

/** By name, the newest version first. */
function compareClients([a]: readonly Package[], [b]: readonly Package[]): number {
  return compareText(a?.name ?? '', b?.name ?? '') || compareText(b?.version ?? '', a?.version ?? '');
}

/** In English whatever the machine speaks, numbers by value. */
function compareText(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
