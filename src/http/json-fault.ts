import type { TurnGiver } from './json-slices.js';

/** Why a text is not JSON, in the words of Python's `json`, and the character at which that shows. */
export interface JsonFault {
  readonly reason: string;
  readonly position: number;
}

const WHITESPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
/** What may follow inside a string without ending it; bounded, as a pattern remembers each time around. */
const PLAIN = /(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){1,4096}/y; // oxlint-disable-line no-control-regex -- JSON forbids them in strings
/** How often it is asked whether others should have a turn. */
const LOOK_EVERY = 4_096;

/**
 * Finds the fault in a text that `JSON.parse` refused, without repeating any of the text. Positions and reasons are
 * those that FastAPI's clients know; linear, and only run on refused bodies.
 *
 * @see python 3.11 Lib/json/decoder.py, Lib/json/scanner.py
 */
export function findJsonFault(text: string): JsonFault {
  const scanner = new Scanner(text);
  return caught(() => {
    while (scanner.step());
    return scanner.extra();
  });
}

/** As `findJsonFault`, of a large text: others have their turn meanwhile. */
export async function findJsonFaultInTurns(text: string, turns: TurnGiver): Promise<JsonFault> {
  const scanner = new Scanner(text);
  for (;;) {
    const fault = caught(() => {
      for (let i = 0; i < LOOK_EVERY; i += 1) if (!scanner.step()) return scanner.extra();
      return undefined;
    });
    if (fault !== undefined) return fault;
    if (turns.due) await turns.give();
  }
}

function caught<T>(look: () => T): T | JsonFault {
  try {
    return look();
  } catch (error) {
    if (error instanceof Fault) return { reason: error.reason, position: error.position };
    throw error;
  }
}

class Fault extends Error {
  constructor(
    readonly reason: string,
    readonly position: number,
  ) {
    super(reason);
  }
}

/** Walks a text once, a value or a sign at a time. */
class Scanner {
  private at = 0;
  private next: 'value' | 'key' | 'after' = 'value';
  /** The brackets that close what is open. */
  private readonly closing: ('}' | ']')[] = [];

  constructor(private readonly text: string) {}

  /** What follows the first value. */
  extra(): JsonFault {
    return { reason: 'Extra data', position: this.at };
  }

  /** @returns false when the first value has ended, and the white space after it */
  step(): boolean {
    this.skip(WHITESPACE);
    if (this.next === 'value') this.value();
    else if (this.next === 'key') this.key();
    else {
      const close = this.closing.at(-1);
      if (close === undefined) return false;
      const mark = this.text[this.at];
      if (mark !== close && mark !== ',') throw new Fault("Expecting ',' delimiter", this.at);
      this.at += 1;
      if (mark === close) this.closing.pop();
      else this.next = close === '}' ? 'key' : 'value';
    }
    return true;
  }

  private value(): void {
    this.next = 'after';
    const start = this.at;
    switch (this.text[start]) {
      case '"':
        return this.string();
      case '{':
        return this.opening('}', 'key');
      case '[':
        return this.opening(']', 'value');
      default:
    }
    for (const word of ['true', 'false', 'null']) {
      if (this.text.startsWith(word, start)) {
        this.at += word.length;
        return;
      }
    }
    this.skip(NUMBER);
    if (this.at === start) throw new Fault('Expecting value', start);
  }

  private opening(close: '}' | ']', next: 'key' | 'value'): void {
    this.at += 1;
    this.skip(WHITESPACE);
    if (this.text[this.at] === close) {
      this.at += 1;
      return;
    }
    this.closing.push(close);
    this.next = next;
  }

  private key(): void {
    if (this.text[this.at] !== '"') {
      throw new Fault('Expecting property name enclosed in double quotes', this.at);
    }
    this.string();
    this.skip(WHITESPACE);
    if (this.text[this.at] !== ':') throw new Fault("Expecting ':' delimiter", this.at);
    this.at += 1;
    this.next = 'value';
  }

  private string(): void {
    const start = this.at;
    this.at += 1;
    while (this.skip(PLAIN));
    const mark = this.text[this.at];
    if (mark === undefined) throw new Fault('Unterminated string starting at', start);
    if (mark === '"') this.at += 1;
    else if (mark === '\\') this.refuseEscape(start);
    else throw new Fault('Invalid control character at', this.at);
  }

  private refuseEscape(start: number): never {
    const slash = this.at;
    const letter = this.text[slash + 1];
    if (letter === undefined) throw new Fault('Unterminated string starting at', start);
    if (letter === 'u') throw new Fault('Invalid \\uXXXX escape', slash + 1);
    throw new Fault('Invalid \\escape', slash);
  }

  /** @returns whether there was any of it */
  private skip(pattern: RegExp): boolean {
    const start = this.at;
    pattern.lastIndex = start;
    if (pattern.test(this.text)) this.at = pattern.lastIndex;
    return this.at > start;
  }
}
