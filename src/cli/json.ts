/** A JSON object as it came. */
export type Json = Readonly<Record<string, unknown>>;
