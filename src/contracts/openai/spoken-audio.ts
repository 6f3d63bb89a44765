/** What a model said aloud; in a stream a piece of it. */
export interface SpokenAudio {
  id?: string;
  /** Base64. */
  data?: string;
  transcript?: string;
  /** Unix seconds. */
  expires_at?: number;
}

/** The pieces of a stream put together; `undefined`: there are none. */
export function joinAudio(pieces: readonly SpokenAudio[]): SpokenAudio | undefined {
  if (pieces.length <= 1) return pieces[0];
  const data = pieces.flatMap((piece) => piece.data ?? []);
  const words = pieces.flatMap(({ transcript }) => transcript ?? []);
  return {
    ...Object.assign({}, ...pieces),
    // Each piece may have padding of its own.
    ...(data.length > 0 && {
      data: Buffer.concat(data.map((piece) => Buffer.from(piece, 'base64'))).toString('base64'),
    }),
    ...(words.length > 0 && { transcript: words.join('') }),
  };
}
