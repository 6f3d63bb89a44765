/**
 * Ids of models that may think without showing it, as vendors and relays spell them: what they think is in their usage
 * and nowhere else. A list that is behind costs little: a model that has once reported such tokens is known as well.
 * @see the vendors' lists of models with reasoning, read 2026-11
 */
const KNOWN_THINKERS: readonly RegExp[] = [
  /^o[1-9](?:-|$)/,
  /^gpt-(?:[5-9]|oss)/,
  /^gemini-(?:2\.5|[3-9])/,
  /^grok-(?:3-mini|[4-9])/,
  /^deepseek-(?:r[1-9]|reasoner)/,
  /^(?:qwq|qwen3|magistral)/,
  /(?:^|-)(?:thinking|reasoner|reasoning)(?:-|$)/,
];

/** @param upstreamModel the upstream's own id; of a relay's `vendor/model` what follows counts */
export function isKnownThinker(upstreamModel: string): boolean {
  const name = upstreamModel.slice(upstreamModel.lastIndexOf('/') + 1).toLowerCase();
  return KNOWN_THINKERS.some((pattern) => pattern.test(name));
}
