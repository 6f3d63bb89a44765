const SCHEME_AND_AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i;

/**
 * The path and query of a request target. Clients of proxies send whole URLs (RFC 9112 §3.2.2); whom such a URL names is
 * no more our business than the Host header is. Express would answer one that it cannot read (`http://[`) by itself, in
 * HTML, before anything of ours runs.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const path = target.replace(SCHEME_AND_AUTHORITY, '');
  return path === '' || path.startsWith('?') || path.startsWith('#') ? `/${path}` : path;
}
