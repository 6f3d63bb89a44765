import type { CatalogueConfig } from './app-config.js';
import { ConfigError } from './config.errors.js';
import { loadConfig } from './load-config.js';

/** What a start with the present environment and file would say. */
export interface ConfigCheck {
  readonly configFile: string | undefined;
  /** Its models are those that the configuration lists; upstreams may list more themselves. */
  readonly catalogue: CatalogueConfig;
  /** All that a start, or a reload, would refuse it for. */
  readonly faults: readonly string[];
}

/** Reads the configuration as a start does, and starts nothing. */
export function checkConfig(): ConfigCheck {
  try {
    const { configFile, catalogue } = loadConfig();
    return { configFile, catalogue, faults: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { configFile: undefined, catalogue: { upstreams: [], models: [] }, faults: error.faults };
  }
}
