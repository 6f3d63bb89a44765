/** An array or object whose text is long enough to be parsed piece by piece. */
export interface BigValue {
  readonly isArray: boolean;
  /** Of its opening bracket. */
  readonly start: number;
  /** Past its closing bracket. */
  readonly end: number;
  /** All of its text between the brackets, cut at commas. */
  readonly pieces: readonly Piece[];
}

/** Members or items, one or many, without the commas around them; with `big` it is that one alone. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly big?: BigValue;
}

export interface JsonLimits {
  /** Levels of arrays and objects. */
  readonly depth: number;
  /** Arrays, objects, keys and texts. */
  readonly values: number;
  /** Commas. */
  readonly items: number;
}

/** A number: where it nests too deep. `one piece`: no array or object is long. */
export type SlicePlan = BigValue | number | 'too many' | 'no JSON' | 'one piece';

/** See `Turns` of `json-guard.ts`. */
export interface TurnGiver {
  readonly due: boolean;
  give(): Promise<void>;
}

interface Open {
  readonly isArray: boolean;
  readonly start: number;
  /** Where the member or item that is being read begins. */
  memberStart: number;
  /** Where the piece that is being filled begins. */
  pieceStart: number;
  pieces: Piece[] | undefined;
  /** The big value that the current member has. */
  big: BigValue | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** How often it is asked whether others should have a turn. */
const LOOK_EVERY = 32_768;

/**
 * Looks through a text before anything is built of it: one pass, in which strings, the bulk of large bodies, are skipped
 * by native search. Counts levels and values, and cuts what is longer than `pieceChars` into pieces that can be parsed
 * by themselves. Whether those are JSON is for the parser to say; here it only shows where quotes and brackets do not
 * match.
 */
export async function planSlices(
  text: string,
  limits: JsonLimits,
  pieceChars: number,
  turns: TurnGiver,
): Promise<SlicePlan> {
  const open: Open[] = [];
  let values = 0;
  let items = 0;
  let root: BigValue | undefined;
  let untilLook = LOOK_EVERY;
  for (let i = 0; i < text.length; i += 1) {
    untilLook -= 1;
    if (untilLook <= 0) {
      untilLook = LOOK_EVERY;
      if (turns.due) await turns.give();
    }
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        values += 1;
        let quote = text.indexOf('"', i + 1);
        while (quote !== -1 && isEscaped(text, quote)) {
          untilLook -= 1;
          if (untilLook <= 0) {
            untilLook = LOOK_EVERY;
            if (turns.due) await turns.give();
          }
          quote = text.indexOf('"', quote + 1);
        }
        if (quote === -1) return 'no JSON';
        i = quote;
        break;
      }
      case 0x5b: // [
      case 0x7b: // {
        values += 1;
        if (open.length === limits.depth) return i;
        open.push({
          isArray: text.charCodeAt(i) === 0x5b,
          start: i,
          memberStart: i + 1,
          pieceStart: i + 1,
          pieces: undefined,
          big: undefined,
        });
        break;
      case 0x2c: // ,
        items += 1;
        member(open.at(-1), i, pieceChars);
        break;
      case 0x5d: // ]
      case 0x7d: {
        // }
        const closed = open.pop();
        if (closed === undefined || closed.isArray !== (text.charCodeAt(i) === 0x5d)) return 'no JSON';
        if (i - closed.start < pieceChars) break;
        const big = finished(closed, i);
        const parent = open.at(-1);
        if (parent !== undefined) parent.big = big;
        else if (root === undefined) root = big;
        else return 'no JSON';
        break;
      }
      default:
    }
    if (values > limits.values || items > limits.items) return 'too many';
  }
  if (open.length > 0) return 'no JSON';
  return root ?? 'one piece';
}

/** A comma: ends a member, and the piece where that is long enough. */
function member(container: Open | undefined, comma: number, pieceChars: number): void {
  if (container === undefined) return;
  if (container.big !== undefined) cutBig(container, comma);
  else if (comma - container.pieceStart >= pieceChars) {
    (container.pieces ??= []).push({ start: container.pieceStart, end: comma });
    container.pieceStart = comma + 1;
  }
  container.memberStart = comma + 1;
}

/** A big member is a piece of its own. */
function cutBig(container: Open, end: number): void {
  const pieces = (container.pieces ??= []);
  const { pieceStart, memberStart, big } = container;
  if (pieceStart < memberStart) pieces.push({ start: pieceStart, end: memberStart - 1 });
  if (big !== undefined) pieces.push({ start: memberStart, end, big });
  container.pieceStart = end + 1;
  container.big = undefined;
}

function finished(container: Open, bracket: number): BigValue {
  if (container.big !== undefined) cutBig(container, bracket);
  else (container.pieces ??= []).push({ start: container.pieceStart, end: bracket });
  return {
    isArray: container.isArray,
    start: container.start,
    end: bracket + 1,
    pieces: container.pieces ?? [],
  };
}

/** Index of the quote that closes the string opened at `start`, or -1. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, quote: number): boolean {
  let slash = quote;
  while (text.charCodeAt(slash - 1) === BACKSLASH) slash -= 1;
  return (quote - slash) % 2 === 1;
}
