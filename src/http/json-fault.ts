/** Why a text is not JSON, in the words of Python's `json`, and the character at which that shows. */
export interface JsonFault {
  readonly reason: string;
  readonly position: number;
}

const WHITESPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
/** What may follow inside a string without ending it. */
const PLAIN = /[^"\\\u0000-\u001f]*/y; // oxlint-disable-line no-control-regex -- JSON forbids them in strings
const HEX4 = /[0-9a-fA-F]{4}/y;
const ESCAPES = '"\\/bfnrt';

/**
 * Finds the fault in a text that `JSON.parse` refused, without repeating any of the text. Positions and reasons are
 * those that FastAPI's clients know; linear, and only run on refused bodies.
 *
 * @see python 3.11 Lib/json/decoder.py, Lib/json/scanner.py
 */
export function findJsonFault(text: string): JsonFault {
  try {
    const end = new Scanner(text).document();
    return { reason: 'Extra data', position: end };
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

/** Walks the text once; recursive, because its depth was bounded before. */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  /** @returns where the first value and the white space after it end */
  document(): number {
    this.skip(WHITESPACE);
    this.value();
    this.skip(WHITESPACE);
    return this.at;
  }

  private value(): void {
    switch (this.text[this.at]) {
      case '"':
        return this.string();
      case '{':
        return this.members('}', () => this.member());
      case '[':
        return this.members(']', () => this.value());
      default:
    }
    const start = this.at;
    for (const word of ['true', 'false', 'null']) {
      if (this.text.startsWith(word, start)) {
        this.at += word.length;
        return;
      }
    }
    this.skip(NUMBER);
    if (this.at === start) throw new Fault('Expecting value', start);
  }

  private members(close: string, one: () => void): void {
    this.at += 1;
    this.skip(WHITESPACE);
    if (this.text[this.at] === close) {
      this.at += 1;
      return;
    }
    for (;;) {
      one();
      this.skip(WHITESPACE);
      const mark = this.text[this.at];
      if (mark !== close && mark !== ',') throw new Fault("Expecting ',' delimiter", this.at);
      this.at += 1;
      if (mark === close) return;
      this.skip(WHITESPACE);
    }
  }

  private member(): void {
    if (this.text[this.at] !== '"') {
      throw new Fault('Expecting property name enclosed in double quotes', this.at);
    }
    this.string();
    this.skip(WHITESPACE);
    if (this.text[this.at] !== ':') throw new Fault("Expecting ':' delimiter", this.at);
    this.at += 1;
    this.skip(WHITESPACE);
    this.value();
  }

  private string(): void {
    const start = this.at;
    this.at += 1;
    for (;;) {
      this.skip(PLAIN);
      const mark = this.text[this.at];
      if (mark === undefined) throw new Fault('Unterminated string starting at', start);
      if (mark === '"') {
        this.at += 1;
        return;
      }
      if (mark !== '\\') throw new Fault('Invalid control character at', this.at);
      this.escape(start);
    }
  }

  private escape(start: number): void {
    const slash = this.at;
    const letter = this.text[slash + 1];
    if (letter === undefined) throw new Fault('Unterminated string starting at', start);
    this.at += 2;
    if (letter === 'u') {
      this.skip(HEX4);
      if (this.at !== slash + 6) throw new Fault('Invalid \\uXXXX escape', slash + 1);
    } else if (!ESCAPES.includes(letter)) {
      throw new Fault('Invalid \\escape', slash);
    }
  }

  private skip(pattern: RegExp): void {
    pattern.lastIndex = this.at;
    if (pattern.test(this.text)) this.at = pattern.lastIndex;
  }
}
