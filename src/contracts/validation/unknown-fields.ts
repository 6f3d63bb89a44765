import { shortened } from '../../common/shortened.js';
import { hasLostName } from './lost-names.js';
import { nearestWord } from '../../common/nearest-word.js';
import { MAX_ISSUES } from './limits.js';
import type { Path } from './issue.js';
import type { Report } from './rule.js';

/**
 * Reports the fields of an object that are not among `names`, each with the name that was most likely meant.
 * @param alsoAllowed names that are never suggested
 */
export function reportUnknownFields(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
  path: Path,
  report: Report,
  alsoAllowed: ReadonlySet<string> = NONE,
): void {
  const known = new Set(names);
  let reported = 0;
  if (hasLostName(object)) {
    report({ kind: 'unknown_field', meant: undefined, path: [...path, '__proto__'], input: undefined });
  }
  for (const name of Object.keys(object)) {
    if (known.has(name) || alsoAllowed.has(name)) continue;
    report({
      kind: 'unknown_field',
      meant: nearestWord(name, names),
      path: [...path, shortened(name, MAX_NAME_CHARS)],
      input: object[name],
    });
    reported += 1;
    if (reported === MAX_ISSUES) return;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** A name may be as long as the body, and is repeated in errors. */
const MAX_NAME_CHARS = 64;
