import { afterAll, afterEach, beforeAll, jest } from '@jest/globals';
import { FakeUpstream } from './fake-upstream.js';
import { catalogueYaml, Tollgate, type TollgateOptions } from './tollgate.js';

export interface WireApp {
  readonly tollgate: Tollgate;
  readonly upstream: FakeUpstream;
}

export interface WireAppOptions extends Omit<TollgateOptions, 'upstream' | 'yaml'> {
  /** More entries of `models:`, as YAML. */
  readonly models?: string;
}

/**
 * One application before a fake upstream for a whole describe block: started and closed with it, scripts and spies
 * forgotten after every test.
 */
export function useWireApp(options: WireAppOptions = {}): WireApp {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  // What did start is closed also when the rest did not.
  const started: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    started.unshift(upstream);
    tollgate = await Tollgate.start({ ...options, yaml: catalogueYaml(upstream.baseUrl, options.models) });
    started.unshift(tollgate);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    upstream.clear();
  });
  afterAll(async () => {
    for (const each of started) await each.close();
  });
  return {
    get tollgate() {
      return tollgate;
    },
    get upstream() {
      return upstream;
    },
  };
}
