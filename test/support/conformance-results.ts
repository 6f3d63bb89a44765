/** What a test run says about clients and conformance cases, read from the names of its tests. */

export interface TestOutcome {
  /** Path of the spec from the root of the project. */
  readonly file: string;
  readonly ancestors: readonly string[];
  readonly title: string;
  /** As Jest has it; what was skipped proves nothing. */
  readonly status: string;
}

export interface CaseResult {
  passed: number;
  failed: number;
  /** Specs of our own that name the case, sorted. */
  files: string[];
  /** Whether tests of clients name it too. */
  byClients: boolean;
}

export type SurfaceName = 'W' | 'Q' | 'L';

/** What one client got of one promise, by surface. */
export type PromiseResult = Partial<Record<SurfaceName, boolean>>;

export interface ClientResult {
  /** Folders of node_modules: the client, then what drove it. */
  readonly packages: readonly string[];
  /** By title of the promise, in the order of the tests. */
  readonly promises: Map<string, PromiseResult>;
}

export interface ConformanceResults {
  readonly cases: Map<number, CaseResult>;
  readonly clients: ClientResult[];
}

/** `client openai-6 on /api/v1 (Q)`, `client @ai-sdk/openai+ai on /v1 (W)` */
const CLIENT = /^client (\S+) on \S+ \(([WQL])\)$/;

export function readOutcomes(outcomes: readonly TestOutcome[]): ConformanceResults {
  const cases = new Map<number, CaseResult>();
  const clients = new Map<string, ClientResult>();
  for (const { file, ancestors, title, status } of outcomes) {
    if (status !== 'passed' && status !== 'failed') continue;
    const passed = status === 'passed';
    const [, packages, surface] = CLIENT.exec(ancestors[0] ?? '') ?? [];

    for (const number of new Set([...ancestors, title].flatMap(casesIn))) {
      const result = cases.get(number) ?? { passed: 0, failed: 0, files: [], byClients: false };
      result[passed ? 'passed' : 'failed'] += 1;
      if (packages !== undefined) result.byClients = true;
      else if (!result.files.includes(file)) result.files.push(file);
      result.files.sort();
      cases.set(number, result);
    }

    if (packages === undefined) continue;
    const client = clients.get(packages) ?? { packages: packages.split('+'), promises: new Map() };
    clients.set(packages, client);
    const promise = client.promises.get(title) ?? {};
    // Tests of one title stand or fall together.
    promise[surface as SurfaceName] = passed && promise[surface as SurfaceName] !== false;
    client.promises.set(title, promise);
  }
  return { cases, clients: [...clients.values()] };
}

/** The numbers after "case" or "cases": one, a list (`29, 48, 64`) or a range (`18-20`), then a colon or bracket. */
export function casesIn(name: string): number[] {
  const numbers = new Set<number>();
  for (const [, list = ''] of name.matchAll(/\bcases? (\d+(?:(?:, | and |[-–])\d+)*)(?=[:)]|$)/g)) {
    for (const [, first = '', last = first] of list.matchAll(/(\d+)(?:[-–](\d+))?/g)) {
      for (let number = Number(first); number <= Number(last); number += 1) numbers.add(number);
    }
  }
  return [...numbers].toSorted((a, b) => a - b);
}
