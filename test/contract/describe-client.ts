import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import { ContractHarness } from './harness.js';
import { type PromiseName, PROMISES } from './promises.js';
import { SURFACES, type WireSurface } from '../support/wire-surfaces.js';

/** What a proof works with. `harness` is there once the tests run. */
export interface ClientContext {
  readonly surface: WireSurface;
  readonly harness: ContractHarness;
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Statuses of the requests that the client has sent in this test, in order. */
  readonly statuses: readonly number[];
}

export type Proofs = Partial<Record<PromiseName, () => Promise<void>>>;

/**
 * Declares one test a promise for a client, on each surface. The reporter of docs/conformance.md reads client, surface
 * and promise from the names.
 *
 * @param packages folders of node_modules, the client first, what drives it after a `+`
 */
export function describeClient(packages: string, proofsOf: (context: ClientContext) => Proofs): void {
  let harness: ContractHarness;
  beforeAll(async () => {
    harness = await ContractHarness.start();
  });
  afterEach(() => harness.reset());
  afterAll(() => harness.close());

  describe.each(SURFACES)(`client ${packages} on $base ($name)`, (surface) => {
    const context: ClientContext = {
      surface,
      get harness() {
        return harness;
      },
      get baseUrl() {
        return harness.tollgate.origin + surface.base;
      },
      get apiKey() {
        return harness.tollgate.key;
      },
      get statuses() {
        return harness.inbound.map((request) => request.status);
      },
    };
    for (const [promise, proof] of Object.entries(proofsOf(context))) {
      // oxlint-disable-next-line jest/valid-title, jest/expect-expect -- a table of titles; the proofs expect
      it(PROMISES[promise as PromiseName], proof);
    }
  });
}
