/**
 * Finds one text in others, in time linear in both whatever they are (Knuth, Morris and Pratt): a text that nearly
 * matches everywhere makes `indexOf` compare all of it at every place.
 */
export class TextFinder {
  private fallbacks: Int32Array | undefined;

  constructor(private readonly sought: string) {}

  /** Where `text` first has it, or -1. */
  indexIn(text: string): number {
    const { sought } = this;
    if (sought.length > text.length) return -1;
    this.fallbacks ??= fallbacksOf(sought);
    let matched = 0;
    for (let at = 0; at < text.length; at += 1) {
      matched = extend(sought, this.fallbacks, matched, text.charCodeAt(at));
      if (matched === sought.length) return at + 1 - matched;
    }
    return -1;
  }
}

/** For each length of a start of `sought`: the longest shorter start that this start ends with. */
function fallbacksOf(sought: string): Int32Array {
  const fallbacks = new Int32Array(sought.length + 1);
  let matched = 0;
  for (let at = 1; at < sought.length; at += 1) {
    matched = extend(sought, fallbacks, matched, sought.charCodeAt(at));
    fallbacks[at + 1] = matched;
  }
  return fallbacks;
}

/** How much of `sought` is matched after one unit more. */
function extend(sought: string, fallbacks: Int32Array, matched: number, unit: number): number {
  let length = matched;
  while (length > 0 && sought.charCodeAt(length) !== unit) length = fallbacks[length] as number;
  return sought.charCodeAt(length) === unit ? length + 1 : 0;
}
