/**
 * What this needs to know of the pages of a SQLite file: where a leaf of a table has room, and what lies there.
 * @see https://www.sqlite.org/fileformat2.html §1.6, §2.1 (read 2026-11)
 */

const TABLE_LEAF = 0x0d;
const HEADER_BYTES = 8;

/**
 * Every row that holds somebody's words has ids and times before them, at least so many bytes. The first cell of a page
 * begins right after its header at the earliest, so nothing below this offset is ever such words.
 */
const NO_WORDS_BEFORE = 120;

/** A row may be made longer by so many bytes less than its page has room: its own lengths may become longer, too. */
const SPARE_BYTES = 12;

const ZEROS = Buffer.alloc(65_536);

/** A row of a page, and by how many bytes it can grow until it fills the page. */
export interface GrowableRow {
  readonly rowid: number;
  /** Columns of its record. */
  readonly columns: number;
  /** Value of the first column. */
  readonly first: string;
  readonly room: number;
  /** Length of its record, of which a part may lie on other pages. */
  readonly bytes: number;
}

/** Whether a leaf of a table has anything but zeros where no row of it lies: copies of rows that moved elsewhere. */
export function hasRemnants(page: Buffer): boolean {
  if (page[0] !== TABLE_LEAF) return false;
  const from = Math.max(pointersEnd(page), NO_WORDS_BEFORE);
  const to = contentStart(page);
  // The page may be half written while it is read, and then says anything.
  return from < to && to <= page.length && page.compare(ZEROS, 0, to - from, from, to) !== 0;
}

/** The row of a leaf that can grow most, of several the shortest; `undefined`: there is none, or it is no page of such rows. */
export function growableRow(page: Buffer, usableBytes: number): GrowableRow | undefined {
  const free = freeBytes(page) - SPARE_BYTES;
  let best: GrowableRow | undefined;
  for (let at = HEADER_BYTES; at < pointersEnd(page); at += 2) {
    const row = rowAt(page, page.readUInt16BE(at), usableBytes);
    if (row === undefined) continue;
    const room = Math.min(free, row.room);
    if (room <= 0 || (best !== undefined && room < best.room)) continue;
    if (best === undefined || room > best.room || row.bytes < best.bytes) best = { ...row, room };
  }
  return best;
}

function rowAt(page: Buffer, cellAt: number, usableBytes: number): GrowableRow | undefined {
  const payload = varint(page, cellAt);
  const rowid = varint(page, payload.end);
  const header = varint(page, rowid.end);
  const recordEnd = rowid.end + header.value;
  let columns = 0;
  let first = '';
  for (let at = header.end; at < recordEnd; columns++) {
    const type = varint(page, at);
    if (columns === 0) {
      // Odd types from 13 on are texts.
      if (type.value < 13 || type.value % 2 === 0) return undefined;
      first = page.toString('utf8', recordEnd, recordEnd + (type.value - 13) / 2);
    }
    at = type.end;
  }
  const most = usableBytes - 35;
  const room = most - localBytes(payload.value, usableBytes) - SPARE_BYTES;
  return { rowid: rowid.value, columns, first, room, bytes: payload.value };
}

/** How much of a record lies on the leaf itself; the rest is on pages of its own. */
function localBytes(payload: number, usableBytes: number): number {
  const most = usableBytes - 35;
  if (payload <= most) return payload;
  const least = Math.floor(((usableBytes - 12) * 32) / 255) - 23;
  const local = least + ((payload - least) % (usableBytes - 4));
  return local <= most ? local : least;
}

function pointersEnd(page: Buffer): number {
  return HEADER_BYTES + 2 * page.readUInt16BE(3);
}

function contentStart(page: Buffer): number {
  return page.readUInt16BE(5) || 65_536;
}

function freeBytes(page: Buffer): number {
  let free = contentStart(page) - pointersEnd(page) + page.readUInt8(7);
  for (let at = page.readUInt16BE(1); at !== 0; at = page.readUInt16BE(at)) free += page.readUInt16BE(at + 2);
  return free;
}

/** Up to 9 bytes, most significant first. Exact up to 2^53. */
function varint(page: Buffer, at: number): { value: number; end: number } {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = page.readUInt8(at + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return { value: value * 256 + page.readUInt8(at + 8), end: at + 9 };
}
