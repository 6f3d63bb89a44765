import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Says in a file who this process is: its id and nothing else, for `kill -HUP "$(cat …)"`. */
export function writePidFile(path: string): void {
  writeFileSync(path, `${process.pid}\n`);
}

/** Removes the file, unless another process has written itself into it meanwhile. */
export function removePidFile(path: string): void {
  if (readPidFile(path) === process.pid) rmSync(path, { force: true });
}

/** The process that the file names, which may be long gone; `undefined`: there is no such file, or no process in it. */
export function readPidFile(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
