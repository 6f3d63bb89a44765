import type { Json } from './json.js';

const TIMES = new Set([
  'created',
  'expires_at',
  'revoked_at',
  'updated',
  'effective_from',
  'previous_secret_valid_until',
]);
const NOTHING = '-';

/** A text of several lines, indented; nothing in it steers the terminal. */
export function renderText(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${printable(line)}`)
    .join('\n');
}

/** A text as one line. */
export function renderLine(text: string): string {
  return printable(text);
}

/** Rows in aligned columns under a head; numbers stand to the right. */
export function renderTable(columns: readonly string[], rows: readonly Json[]): string {
  const cells = rows.map((row) => columns.map((column) => renderValue(column, row[column])));
  const isNumber = columns.map((column) => rows.some((row) => isAmount(column, row[column])));
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((line) => line[i]?.length ?? 0)),
  );
  return [columns, ...cells]
    .map((line) =>
      line
        .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One page of a list answer, and how to get the next. */
export function renderList(columns: readonly string[], answer: Json): string {
  const rows = answer['data'] as readonly Json[];
  if (rows.length === 0) return 'None.';
  const cursor = answer['next_cursor'];
  const more = typeof cursor === 'string' ? `\n\nMore: --cursor ${cursor}` : '';
  return renderTable(columns, rows) + more;
}

/** A record, a field a line; what is inside another record is named by its path, and lists of records are tables. */
export function renderRecord(record: Json, leaveOut: readonly string[] = ['object']): string {
  const lines: (readonly [string, string])[] = [];
  const tables: string[] = [];
  const walk = (value: Json, prefix: string): void => {
    for (const [name, field] of Object.entries(value)) {
      const path = `${prefix}${name}`;
      if (leaveOut.includes(name)) continue;
      if (isRecord(field)) walk(field, `${path}.`);
      else if (Array.isArray(field) && field.some(isRecord)) {
        const rows = field as readonly Json[];
        const columns = Object.keys(rows[0] ?? {}).filter((column) => !leaveOut.includes(column));
        tables.push(`\n\n${path}\n${renderTable(columns, rows)}`);
      } else lines.push([path, renderValue(name, field)]);
    }
  };
  walk(record, '');
  const width = Math.max(0, ...lines.map(([path]) => path.length));
  return lines.map(([path, value]) => `${path.padEnd(width)}  ${value}`).join('\n') + tables.join('');
}

function renderValue(name: string, value: unknown): string {
  if (value === null || value === undefined) return NOTHING;
  if (TIMES.has(name) && typeof value === 'number') {
    return new Date(value * 1000).toISOString().replace('.000Z', 'Z');
  }
  // A key without a list may use all, one with an empty list none.
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(printable).join(', ');
  return printable(value);
}

/** Nothing that was stored may steer the terminal. */
function printable(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\p{Cc}/gu, '\uFFFD');
}

function isAmount(name: string, value: unknown): boolean {
  return typeof value === 'number' && !TIMES.has(name);
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
