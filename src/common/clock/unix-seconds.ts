/** Times on the wire are whole Unix seconds, as OpenAI's `created`. */
export function unixSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
