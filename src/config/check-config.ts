import { ConfigError } from './config.errors.js';
import { loadConfig } from './load-config.js';

/** What a start with the present environment and file would say. */
export interface ConfigCheck {
  readonly configFile: string | undefined;
  readonly upstreams: number;
  /** As the configuration lists them; upstreams may list more themselves. */
  readonly models: number;
  /** All that a start, or a reload, would refuse it for. */
  readonly faults: readonly string[];
}

/** Reads the configuration as a start does, and starts nothing. */
export function checkConfig(): ConfigCheck {
  try {
    const { configFile, catalogue } = loadConfig();
    return {
      configFile,
      upstreams: catalogue.upstreams.length,
      models: catalogue.models.length,
      faults: [],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { configFile: undefined, upstreams: 0, models: 0, faults: error.faults };
  }
}
