const MAX_PATH_CHARS = 256;

/** A key that somebody pasted into a path; `\b` keeps words such as "task-…" whole. */
const KEY_LIKE = /\b(sk|admin)-[\w-]{8,}/g;

/** A request's path, without its query, as it may stand in a log. */
export function loggedPath(path: string): string {
  const safe = path.slice(0, 4 * MAX_PATH_CHARS).replace(KEY_LIKE, '$1-***');
  return safe.length > MAX_PATH_CHARS ? `${safe.slice(0, MAX_PATH_CHARS)}…` : safe;
}
