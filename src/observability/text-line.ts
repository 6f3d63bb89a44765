const LEVELS: Readonly<Record<number, readonly [name: string, colour: number]>> = {
  10: ['trace', 90],
  20: ['debug', 90],
  30: ['info', 32],
  40: ['warn', 33],
  50: ['error', 31],
  60: ['fatal', 31],
};

/** Of a request's line, in this order and without their names: they are known by their looks. */
const UNNAMED = ['method', 'path', 'status'] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Turns one JSON line of the log into a line that people read: time of day, level, message, fields. What a caller could
 * have chosen keeps to its line: control characters are shown as escapes, so nobody writes to the terminal with them.
 */
export class TextLine {
  /** @param coloured with the colours of a terminal */
  constructor(private readonly coloured: boolean) {}

  /** @param json a line of pino's */
  of(json: string): string {
    const { level, time, message, err, ...fields } = JSON.parse(json) as Fields;
    const [name, colour] = LEVELS[Number(level)] ?? ['log', 0];
    const words = [
      this.painted(90, timeOfDay(Number(time))),
      this.painted(colour, name.padEnd(5)),
      shown(message),
      ...UNNAMED.filter((field) => field in fields).map((field) => shown(fields[field])),
      ...Object.entries(fields)
        .filter(([field]) => !(UNNAMED as readonly string[]).includes(field))
        .map(([field, value]) => this.painted(90, `${shown(field)}=`) + quoted(value)),
    ];
    return `${words.join(' ')}\n${stackOf(err)}`;
  }

  private painted(colour: number, text: string): string {
    return this.coloured && colour !== 0 ? `\u001b[${colour}m${text}\u001b[39m` : text;
  }
}

function timeOfDay(ms: number): string {
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** Errors are several lines: each is set in, so that no message looks like a line of the log. */
function stackOf(err: unknown): string {
  if (err === undefined) return '';
  const text = typeof err === 'object' && err !== null ? ((err as { stack?: unknown }).stack ?? err) : err;
  const lines = (typeof text === 'string' ? text : JSON.stringify(text)).split('\n');
  return lines.map((line) => `    ${shown(line)}\n`).join('');
}

function quoted(value: unknown): string {
  if (typeof value !== 'string') return shown(value);
  return /^[\w./:@%+,-]+$/.test(value) ? value : shown(JSON.stringify(value));
}

/** Control characters, and those that turn the direction of text, as escapes. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
