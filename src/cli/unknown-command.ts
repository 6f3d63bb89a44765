import { nearestWord } from '../common/nearest-word.js';
import type { Command } from './command.js';

/** The commands that begin with a word: `keys create`, `keys list`, … */
export function commandsOfGroup(commands: readonly Command[], group: string): readonly Command[] {
  return commands.filter(({ name }) => name.startsWith(`${group} `));
}

/** What to say about words that begin with no command, and the command that they were most likely meant to name. */
export function unknownCommand(
  commands: readonly Command[],
  words: readonly string[],
): { message: string; meant: Command | undefined } {
  const [first = '', second] = words;
  const names = commands.map(({ name }) => name);
  const groups = [...new Set(names.map((name) => name.split(' ')[0] ?? ''))];
  const group = groups.includes(first) ? first : nearestWord(first, groups);
  const ofGroup = commandsOfGroup(commands, group ?? '').map(({ name }) => name);
  if (first === group && second === undefined) {
    return { message: `"${first}" is half a command: ${ofGroup.join(', ')}`, meant: undefined };
  }
  const unknown = `There is no such command: ${words.slice(0, 2).join(' ')}`;
  const meant =
    group === undefined ? withoutGroup(names, first, second) : inGroup(names, group, ofGroup, second);
  if (meant !== undefined) {
    return {
      message: `${unknown}; did you mean ${meant}?`,
      meant: commands.find(({ name }) => name === meant),
    };
  }
  const others =
    group === undefined ? `they begin with ${groups.join(', ')}` : `there are ${ofGroup.join(', ')}`;
  return { message: `${unknown}; ${others}`, meant: undefined };
}

function inGroup(
  names: readonly string[],
  group: string,
  ofGroup: readonly string[],
  second: string | undefined,
): string | undefined {
  if (names.includes(group)) return group;
  if (ofGroup.length === 1) return ofGroup[0];
  const meant = nearestWord(
    second ?? '',
    ofGroup.map((name) => name.slice(group.length + 1)),
  );
  return meant === undefined ? undefined : `${group} ${meant}`;
}

/** `keys-create`, and `create keys`. */
function withoutGroup(
  names: readonly string[],
  first: string,
  second: string | undefined,
): string | undefined {
  return second === undefined
    ? nearestWord(first, names)
    : names.find((name) => name === `${second} ${first}`);
}
