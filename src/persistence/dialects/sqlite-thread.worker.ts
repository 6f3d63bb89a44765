/**
 * The thread of `SqliteThread`. It stands by itself: it imports nothing of ours and is written so that Node runs it as
 * it is, built or not.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData, type Transferable } from 'node:worker_threads';

interface Asked {
  readonly id: number;
  readonly sql: string;
  readonly parameters: unknown[];
}

const MAX_STATEMENTS = 64;

const { path, timeoutMs } = workerData as { path: string; timeoutMs: number };
const database = new DatabaseSync(path, { readOnly: true, timeout: timeoutMs });
// Nothing is sorted in files that nobody knows of. KiB: whole tables pass through, so keeping much of them is no use.
database.exec('pragma temp_store = memory; pragma cache_size = -8192');

const statements = new Map<string, StatementSync>();

function prepare(sql: string): StatementSync {
  let statement = statements.get(sql);
  if (statement === undefined) {
    statement = database.prepare(sql, { readBigInts: true });
    if (statements.size >= MAX_STATEMENTS) statements.clear();
    statements.set(sql, statement);
  }
  return statement;
}

function answer({ sql, parameters }: Asked): { columns: unknown[]; rows: unknown[] } {
  const statement = prepare(sql);
  const columns = statement.columns().map(({ name, type }) => [name, type]);
  if (columns.length > 0) return { columns, rows: statement.all(...(parameters as never[])) };
  statement.run(...(parameters as never[]));
  return { columns, rows: [] };
}

/** Long texts are asked for as blobs, which change threads without being copied. */
function blobsOf(rows: unknown[]): Transferable[] {
  const blobs: Transferable[] = [];
  for (const row of rows) {
    for (const value of Object.values(row as object))
      if (value instanceof Uint8Array) blobs.push(value.buffer as ArrayBuffer);
  }
  return blobs;
}

parentPort?.on('message', (asked: Asked | 'close') => {
  if (asked === 'close') {
    database.close();
    parentPort?.close();
    return;
  }
  try {
    const { columns, rows } = answer(asked);
    parentPort?.postMessage({ id: asked.id, columns, rows }, blobsOf(rows));
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage({ id: asked.id, message, errcode });
  }
});
