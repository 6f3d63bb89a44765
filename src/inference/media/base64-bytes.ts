/** Bytes behind base64 text, decoded only as far as they are asked for. */
export interface Base64Bytes {
  /** How many there are; a little more where the text is no clean base64. */
  readonly length: number;
  /** The first `length` at most; `undefined` where the text up to there is no clean base64, so that others may read it otherwise. */
  first(length: number): Buffer | undefined;
}

/** @param start where in `text` the base64 begins */
export function base64Bytes(text: string, start: number): Base64Bytes {
  let end = text.length;
  for (let padding = 0; padding < 2 && text.charCodeAt(end - 1) === PADDING; padding += 1) end -= 1;
  const length = Math.floor(((end - start) * 3) / 4);
  return {
    length,
    first(wanted) {
      const chars = Math.min(Math.ceil(wanted / 3) * 4, end - start);
      const bytes = Buffer.from(text.slice(start, start + chars), 'base64');
      // Spaces and line breaks are skipped and a padding ends it, so that fewer come out than the text has room for.
      return bytes.length === Math.floor((chars * 3) / 4) ? bytes : undefined;
    },
  };
}

const PADDING = 61;
