import type { OfferedTool } from './offered-tools.js';

/**
 * The tools that a text speaks of, in the order offered: by full name or a word that stands in that tool's name alone
 * (`weather` for `get_weather`). Where there is none of those, the one tool whose name and description share most
 * words with the text.
 */
export function findMentionedTools(offered: readonly OfferedTool[], text: string): OfferedTool[] {
  const read = text.slice(0, MOST_CHARS_READ);
  const said = new Set(wordsOf(read));
  const saidNames = new Set(read.toLowerCase().split(/[^a-z0-9_-]+/));
  const names = offered.map((tool) => new Set(wordsOf(tool.name)));
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const words of names) {
    for (const word of words) {
      if (seen.has(word)) shared.add(word);
      seen.add(word);
    }
  }

  const byName = offered.filter(
    (tool, index) =>
      saidNames.has(tool.name.toLowerCase()) ||
      [...(names[index] ?? [])].some((word) => said.has(word) && !shared.has(word)),
  );
  if (byName.length > 0) return byName;

  let best: OfferedTool | undefined;
  let most = 0;
  for (const tool of offered) {
    const about = new Set(wordsOf(`${tool.name} ${tool.description.slice(0, MOST_CHARS_READ)}`));
    const common = [...about].filter((word) => said.has(word)).length;
    if (common > most) [best, most] = [tool, common];
  }
  return best === undefined ? [] : [best];
}

const MOST_CHARS_READ = 10_000;

/** Words that say nothing about which tool is meant. */
const EMPTY_WORDS = new Set(
  (
    'about all and any are but call can current data find for from function get gets give given has have hello here ' +
    'how into its list lists make may more need new not number one our out please return returns set sets should show ' +
    'some string tell text that the their them then there this tool tools use used user uses using value want was what ' +
    'when where which who will with would you your'
  ).split(' '),
);

/** Words of 3 letters or more out of prose, snake_case, kebab-case or camelCase; lower case, no plural s. */
function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length >= 3 && !EMPTY_WORDS.has(word))
    .map((word) => (word.length > 3 && word.endsWith('s') ? word.slice(0, -1) : word));
}
