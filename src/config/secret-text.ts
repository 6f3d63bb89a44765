/** Visible ASCII without spaces: what can stand in an HTTP header whole. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** Whether a key can be sent in a header; a pasted line break or space is the usual reason why not. */
export function isHeaderSafe(secret: string): boolean {
  return HEADER_SAFE.test(secret);
}
