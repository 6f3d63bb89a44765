import { checkConfig } from '../config/check-config.js';
import { ConfigError } from '../config/config.errors.js';
import { buildCatalogue } from '../models/catalogue.js';
import { catalogueWarnings } from '../models/catalogue-warnings.js';
import type { Command } from './command.js';
import type { Json } from './json.js';

/** What the tool can do with the configuration: of a running server, and of one that is still to start. */
export const CONFIG_COMMANDS: readonly Command[] = [
  {
    name: 'config check',
    summary:
      'Check the variables and tollgate.yaml as a start here would, without one; ends with 1 for a fault',
    positionals: [],
    options: {},
    here: () => {
      const { configFile, catalogue, faults } = checkConfig();
      if (faults.length > 0) return { ok: false, faults };
      const { upstreams, models } = catalogue;
      const warnings = catalogueWarnings(catalogue, buildCatalogue(catalogue, new Map(), Date.now()));
      return {
        ok: true,
        file: configFile ?? null,
        upstreams: upstreams.length,
        models: models.length,
        faults,
        ...(warnings.length > 0 && { warnings }),
      };
    },
    show: (answer) => showConfiguration(answer, 'The configuration is right'),
    isGood: ({ ok }) => ok === true,
  },
  {
    name: 'reload',
    summary: 'Let the running server read its tollgate.yaml again; ends with 1 where it refuses it',
    positionals: [],
    options: {},
    request: () => ({ method: 'POST', path: '/configuration/reload' }),
    show: (answer) => showConfiguration(answer, 'The server has read its configuration'),
    isGood: ({ ok }) => ok === true,
  },
];

function showConfiguration({ ok, file, upstreams, models, faults }: Json, done: string): string {
  if (ok !== true) return new ConfigError(faults as string[]).message;
  const from = file === null ? 'from the environment alone' : `from ${String(file)}`;
  return `${done}: ${counted(upstreams, 'upstream')} and ${counted(models, 'model')} ${from}.`;
}

function counted(count: unknown, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`;
}
