import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Where the compiled modules lie of which a `main.js` is made: in `modules/` beside it, or, in old builds, around it. */
export function modulesOf(main) {
  const beside = new URL('modules/', pathToFileURL(main));
  return existsSync(new URL('app.module.js', beside)) ? beside : new URL('./', pathToFileURL(main));
}
