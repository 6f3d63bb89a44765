import { basename, dirname, join, relative } from 'node:path';
import type { Variables } from './env.parse.js';

/** What to type for the programs, as whoever called this one did; for messages. */
export interface CalledAs {
  /** The command line tool, up to its command. */
  readonly cli: string;
  /** The start of a server. */
  readonly server: string;
}

export const CALLED_BY_NPM: CalledAs = { cli: 'npm run cli --', server: 'npm start' };

/**
 * Tells by what npm and `bin/tollgate` leave behind how the process was called.
 *
 * @param script the file that Node runs
 */
export function calledAs(variables: Variables = process.env, script = process.argv[1] ?? ''): CalledAs {
  const { npm_lifecycle_event: event, npm_package_name: name } = variables;
  if (basename(script) === 'tollgate.mjs') {
    const program = event === 'npx' ? 'npx tollgate' : 'tollgate';
    return { cli: `${program} cli`, server: `${program} serve` };
  }
  if (name === 'tollgate' && (event === 'cli' || event === 'start')) return CALLED_BY_NPM;
  const folder = dirname(script);
  const root = relative(process.cwd(), basename(folder) === 'cli' ? dirname(folder) : folder);
  const file = basename(script);
  return { cli: `node ${join(root, 'cli', file)}`, server: `node ${join(root, file)}` };
}

/** Whether the process is the child of `npm start` or `npx tollgate`, and of no script of somebody else's. */
export function startedByNpm(variables: Variables = process.env): boolean {
  const { npm_lifecycle_event: script, npm_package_name: name } = variables;
  return script === 'npx' || (script === 'start' && name === 'tollgate');
}
