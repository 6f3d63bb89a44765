import { inflateSync } from 'node:zlib';

/** No vendor reads more (Gemini: 1,000, Claude: 600; their pages on documents, read 2026-11). */
export const MOST_PAGES = 1_000;

/** A page takes at least so much of a file: what it shows, and its dictionary. */
const LEAST_BYTES_A_PAGE = 512;

/**
 * What may still be done for all files of a request. Beyond it a file is not looked through: none has so much beside its
 * streams that anybody reads, lists of pages are short, and some bytes become a thousand when they are inflated.
 */
export class ScanBudget {
  inflatedBytes = 4 * 1_024 * 1_024;
  objectBytes = 4 * 1_024 * 1_024;
  streams = 10_000;
  references = 5_000;
  /** Places in streams that may be the beginning of an object. */
  suspicions = 10_000;

  get spent(): boolean {
    return (
      this.inflatedBytes <= 0 ||
      this.objectBytes < 0 ||
      this.streams < 0 ||
      this.references <= 0 ||
      this.suspicions < 0
    );
  }
}

/** However little comes of it, in bytes. */
const COST_OF_INFLATING = 4_096;

const PAGE = /\/Type\s{0,16}\/Page(?![A-Za-z])/g;
const COUNT = /\/Count\s{0,16}(\d{1,9})/g;
const REFERENCE = /(\d{1,10})\s{1,8}\d{1,5}\s{1,8}R/g;
/**
 * Ways to write the names that matter here which readers understand and the patterns above do not: a letter in hex, a
 * comment, zero bytes or much space behind them. No writer has a use for them but to hide pages.
 */
const HIDDEN_NAME = /\/(?:[A-Za-z]{0,16}#[4-7][0-9A-Fa-f]|(?:Type|Count|Kids)(?:\s{0,16}[%\0]|\s{17}))/;
/** Between texts that do not follow each other in the file. */
const GAP = '\x01';

/**
 * How many pages a PDF has at most, by one linear look at its objects. A file that does not tell, or hides it, has as
 * many as fit into its bytes.
 */
export function pdfPages(file: Buffer, budget: ScanBudget): number {
  const byBytes = pagesByBytes(file.length);
  const objects = objectsOf(file, budget);
  if (objects === undefined || HIDDEN_NAME.test(objects)) return byBytes;
  const tally = new PageTally(budget);
  tally.add(objects);
  return tally.pages === 0 || budget.spent ? Math.max(byBytes, tally.pages) : tally.pages;
}

/** As many as fit into a file of so many bytes. */
export function pagesByBytes(bytes: number): number {
  return Math.min(MOST_PAGES, Math.ceil(bytes / LEAST_BYTES_A_PAGE) || 1);
}

/** @returns the text of all objects; `undefined` where some are hidden, or there is too much to look through */
function objectsOf(file: Buffer, budget: ScanBudget): string | undefined {
  const texts: string[] = [];
  for (let at = 0; at < file.length;) {
    const stream = file.indexOf('stream', at);
    const end = stream === -1 ? file.length : stream;
    budget.objectBytes -= end - at;
    budget.streams -= 1;
    if (budget.spent) return undefined;
    const text = file.toString('latin1', at, end);
    texts.push(text);
    if (stream === -1) break;
    const close = file.indexOf('endstream', stream + 6);
    const content = file.subarray(stream + 6, close === -1 ? file.length : close);
    if (text.includes('/ObjStm')) {
      const inflated = inflate(content, budget);
      if (inflated === undefined) return undefined;
      texts.push(inflated.toString('latin1'));
    } else if (hasObjects(content, budget)) return undefined;
    at = stream + 6 + content.length + 9;
  }
  return texts.join(GAP);
}

/** Whether objects stand in what goes by as a stream: the word may stand in a text, and the objects behind it are real. */
function hasObjects(content: Buffer, budget: ScanBudget): boolean {
  for (let at = content.indexOf('obj'); at !== -1; at = content.indexOf('obj', at + 3)) {
    budget.suspicions -= 1;
    if (budget.suspicions < 0) return true;
    const before = content[at - 1] ?? SPACE;
    if (before <= SPACE || (before >= DIGIT_0 && before <= DIGIT_9)) return true;
  }
  return false;
}

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** @returns `undefined` for what is encrypted, packed otherwise or more than may be inflated */
function inflate(stream: Buffer, budget: ScanBudget): Buffer | undefined {
  // A line break follows the word `stream`.
  const start = stream[0] === 0x0d && stream[1] === 0x0a ? 2 : 1;
  try {
    const inflated = inflateSync(stream.subarray(start), { maxOutputLength: budget.inflatedBytes });
    budget.inflatedBytes -= inflated.length + COST_OF_INFLATING;
    return inflated;
  } catch {
    // What it came to before it failed is not told, and was work.
    budget.inflatedBytes = Math.floor(budget.inflatedBytes / 2) - COST_OF_INFLATING;
    return undefined;
  }
}

/** Counts what may be pages. Of several answers the highest counts. */
class PageTally {
  private objects = 0;
  private counted = 0;
  private references = 0;
  /** Lists that name an object which another list names as well: each may double the pages. */
  private sharing = 0;
  private readonly named = new Set<string>();

  constructor(private readonly budget: ScanBudget) {}

  /** At most `MOST_PAGES`. */
  get pages(): number {
    const written = Math.max(this.objects, this.counted, this.references);
    return Math.min(MOST_PAGES, written * 2 ** Math.min(this.sharing, 10));
  }

  add(objects: string): void {
    this.objects += count(objects, PAGE);
    for (const [, digits] of objects.matchAll(COUNT)) this.counted = Math.max(this.counted, Number(digits));
    let at = objects.indexOf('/Kids');
    while (at !== -1 && this.budget.references > 0) {
      this.budget.references -= 1;
      const end = objects.indexOf(']', at);
      if (end === -1) return;
      this.addKids(objects.slice(at, end));
      at = objects.indexOf('/Kids', end);
    }
  }

  private addKids(list: string): void {
    let shares = false;
    for (const [, object = ''] of list.matchAll(REFERENCE)) {
      this.budget.references -= 1;
      if (this.budget.references <= 0) break;
      shares ||= this.named.has(object);
      this.named.add(object);
    }
    // However it is written, each reference has its letter.
    this.references = Math.max(this.references, list.split('R').length - 1);
    if (shares) this.sharing += 1;
  }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
