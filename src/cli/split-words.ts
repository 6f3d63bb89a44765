/** What was written behind a command, before anybody asks what it means. */
export interface SplitWords {
  readonly positionals: readonly string[];
  readonly options: readonly WrittenOption[];
}

export interface WrittenOption {
  /** As written, with its dashes and without its value. */
  readonly written: string;
  /** Without dashes. */
  readonly name: string;
  /** `undefined`: none is there. */
  readonly value: string | undefined;
  /** Where no value is there: the option that stands in its place. */
  readonly next: string | undefined;
}

/** `--name`, `-n` or the bare `--`; a negative number or a list (`- one`) is a value like any other. */
const OPTION = /^-(?:-?\p{L}|-$)/u;

/**
 * Tells options from other words: an option's value is what follows `=`, or the next word unless that is an option.
 * Behind a bare `--` nothing is an option.
 *
 * @param flags names of the options that have no value
 */
export function splitWords(words: readonly string[], flags: readonly string[]): SplitWords {
  const positionals: string[] = [];
  const options: WrittenOption[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    if (word === '--') return { positionals: [...positionals, ...words.slice(i + 1)], options };
    if (!OPTION.test(word)) {
      positionals.push(word);
      continue;
    }
    const [written = '', ...parts] = word.split('=');
    const name = written.replace(/^-+/, '');
    let value = parts.length > 0 ? parts.join('=') : undefined;
    let next: string | undefined;
    if (value === undefined && !flags.includes(name)) {
      next = words[i + 1];
      if (next !== undefined && !OPTION.test(next)) {
        value = next;
        next = undefined;
        i += 1;
      }
    }
    options.push({ written, name, value, next });
  }
  return { positionals, options };
}
