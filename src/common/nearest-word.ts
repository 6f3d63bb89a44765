/** Longer texts are no misspelt words of ours. */
const MAX_CHARS = 64;

/** Shorter beginnings are those of too many words. */
const LEAST_PREFIX = 4;

/** The word that `text` was most likely meant to be, or `undefined` if none is near. */
export function nearestWord(text: string, words: readonly string[]): string | undefined {
  if (text.length > MAX_CHARS) return undefined;
  const sent = text.toLowerCase();
  const near = words
    .map((word) => ({ word, edits: editDistance(sent, word.toLowerCase()) }))
    .filter(({ word, edits }) => edits < word.length && edits <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  if (near[0] !== undefined || sent.length < LEAST_PREFIX) return near[0]?.word;
  return words.find((word) => word.toLowerCase().startsWith(sent));
}

/** Levenshtein's, with two letters that changed places as one edit. One row at a time. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (to[column - 1] === from[index] ? 0 : 1);
      let edits = Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1);
      if (index > 0 && column > 1 && from[index] === to[column - 2] && from[index - 1] === to[column - 1]) {
        edits = Math.min(edits, (before[column - 2] ?? 0) + 1);
      }
      next.push(edits);
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}
