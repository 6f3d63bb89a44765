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
  references = 20_000;
}

/** However little comes of it, in bytes. */
const COST_OF_INFLATING = 4_096;

const PAGE = /\/Type\s{0,16}\/Page(?![A-Za-z])/g;
const COUNT = /\/Count\s{0,16}(\d{1,9})/g;
const REFERENCE = /(\d{1,10})\s{1,8}\d{1,5}\s{1,8}R/g;
/** A letter written in hex: no writer does that to the names that matter here, but to hide them. */
const HIDDEN_NAME = /\/[A-Za-z]{0,16}#[4-7][0-9A-Fa-f]/;

/**
 * How many pages a PDF has at most, by one linear look at its objects. A file that does not tell, or hides it, has as
 * many as fit into its bytes.
 */
export function pdfPages(file: Buffer, budget: ScanBudget): number {
  const byBytes = Math.min(MOST_PAGES, Math.ceil(file.length / LEAST_BYTES_A_PAGE) || 1);
  const tally = new PageTally(budget);
  let at = 0;
  while (at < file.length) {
    const stream = file.indexOf('stream', at);
    const end = stream === -1 ? file.length : stream;
    budget.objectBytes -= end - at;
    budget.streams -= 1;
    if (budget.objectBytes < 0 || budget.streams < 0) return byBytes;
    const objects = file.toString('latin1', at, end);
    if (HIDDEN_NAME.test(objects)) return byBytes;
    tally.add(objects);
    if (stream === -1) break;
    const close = file.indexOf('endstream', stream + 6);
    const closed = close === -1 ? file.length : close;
    const dictionary = objects.slice(-1_024);
    if (dictionary.slice(dictionary.lastIndexOf(' obj')).includes('/ObjStm')) {
      const inflated = inflate(file.subarray(stream + 6, closed), budget);
      if (inflated === undefined) return byBytes;
      const packed = inflated.toString('latin1');
      if (HIDDEN_NAME.test(packed)) return byBytes;
      tally.add(packed);
    }
    at = closed + 9;
  }
  if (tally.pages === 0 || budget.references <= 0) return Math.max(byBytes, tally.pages);
  return tally.pages;
}

/** @returns `undefined` for what is encrypted, packed otherwise or more than may be inflated */
function inflate(stream: Buffer, budget: ScanBudget): Buffer | undefined {
  // A line break follows the word `stream`.
  const start = stream[0] === 0x0d && stream[1] === 0x0a ? 2 : 1;
  if (budget.inflatedBytes <= 0) return undefined;
  try {
    const inflated = inflateSync(stream.subarray(start), { maxOutputLength: budget.inflatedBytes });
    budget.inflatedBytes -= inflated.length + COST_OF_INFLATING;
    return inflated;
  } catch {
    // What it came to before it failed is not told, and was work.
    budget.inflatedBytes /= 2;
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
    let references = 0;
    for (const [, object = ''] of list.matchAll(REFERENCE)) {
      references += 1;
      this.budget.references -= 1;
      if (this.budget.references <= 0) break;
      shares ||= this.named.has(object);
      this.named.add(object);
    }
    this.references = Math.max(this.references, references);
    if (shares) this.sharing += 1;
  }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
