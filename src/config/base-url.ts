/**
 * Reads the address of an upstream and drops trailing slashes, so that `${baseUrl}/models` is well-formed.
 *
 * @throws RangeError whose message says what is wrong and never repeats `text`, which may hold a password
 */
export function parseBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new RangeError('must be an http:// or https:// URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw new RangeError('must not hold a user name or password');
  }
  if (url.search !== '' || url.hash !== '') throw new RangeError('must have no query and no fragment');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
