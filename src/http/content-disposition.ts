/** Longest name that we offer, without its ending; file systems take 255 bytes. */
const MAX_NAME_CHARS = 80;

/**
 * `content-disposition` of a file to be saved.
 *
 * @param title what the file is called for people who can read it; letters, digits, spaces, `-` and `_` of it are used
 * @param fallback for all others: ASCII without quotes
 * @param ending `.json`
 * @see RFC 6266, RFC 8187
 */
export function attachment(title: string | undefined, fallback: string, ending: string): string {
  const plain = `attachment; filename="${fallback}${ending}"`;
  const name = safeName(title ?? '');
  if (name === '') return plain;
  return `${plain}; filename*=UTF-8''${encodeURIComponent(`${name}${ending}`)}`;
}

/** Without what means something to a file system, a shell or a reader's eye. */
function safeName(title: string): string {
  const kept = title.normalize('NFC').replaceAll(/[^\p{L}\p{M}\p{N}_-]+/gu, ' ');
  return [...kept.trim()].slice(0, MAX_NAME_CHARS).join('').trim();
}
