/** A text for people to read, or its beginning where it is longer than `mostChars`. */
export function shortened(text: string, mostChars: number): string {
  return text.length > mostChars ? `${beginningOf(text, mostChars)}…` : text;
}

/** The first `mostChars` characters at most; none is cut in two. */
export function beginningOf(text: string, mostChars: number): string {
  const cutsPair = (text.charCodeAt(mostChars) & 0xfc00) === 0xdc00;
  return text.slice(0, cutsPair ? mostChars - 1 : mostChars);
}
