import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { LineSink, MAX_WAITING_BYTES } from './line-sink.js';

let folder: string;
const opened: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-sink-'));
});
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  opened.push(fd);
  return fd;
}

/** Both ends of a pipe that nobody reads. */
function pipe(): number {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  return open(path, constants.O_RDWR | constants.O_NONBLOCK);
}

function readAll(fd: number): string {
  const buffer = Buffer.alloc(1_048_576);
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch {
    return '';
  }
}

const LINE = `${'x'.repeat(999)}\n`;

describe('LineSink', () => {
  it('writes to a file in order, and has written all when it has ended', async () => {
    const path = join(folder, 'log');
    const sink = new LineSink(open(path, 'w'));
    const lines = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`);
    for (const [i, line] of lines.entries()) {
      sink.write(line);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await sink.end(5_000);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
  });

  it('outlives a descriptor that is not open', async () => {
    const fd = openSync(join(folder, 'log'), 'w');
    closeSync(fd);
    const sink = new LineSink(fd);
    sink.write('lost\n');
    expect(() => sink.flushNow()).not.toThrow();
    await sink.end(1);
  });

  it('keeps a bounded number of bytes while nobody reads, drops the rest, and tells how many when it is read again', async () => {
    const fd = pipe();
    const sink = new LineSink(fd);
    const told: number[] = [];
    sink.onBack = (dropped) => {
      told.push(dropped);
      sink.write(`dropped ${dropped}\n`);
    };
    for (let i = 0; i < 20_000; i += 1) {
      sink.write(LINE);
      if (i % 500 === 0) sink.flushNow();
    }
    expect(told).toEqual([]);
    let read = '';
    await eventually(() => {
      read += readAll(fd);
      return read.endsWith('\n') && read.includes('dropped ');
    });
    const kept = read.split(LINE).length - 1;
    expect(kept * LINE.length).toBeLessThanOrEqual(MAX_WAITING_BYTES + 65_536);
    expect(told).toEqual([20_000 - kept]);
    expect(read).toBe(`${LINE.repeat(kept)}dropped ${20_000 - kept}\n`);
    await sink.end(0);
  });

  it('ends in its time where nobody reads', async () => {
    const sink = new LineSink(pipe());
    for (let i = 0; i < 500; i += 1) sink.write(LINE);
    const before = performance.now();
    await sink.end(50);
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  it('survives a full disk', async () => {
    const sink = new LineSink(open('/dev/full', 'w'));
    for (let i = 0; i < 2_000; i += 1) sink.write(LINE);
    sink.flushNow();
    await expect(sink.end(20)).resolves.toBeUndefined();
  });

  it('survives a reader that has gone', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const sink = new LineSink(open(path, constants.O_WRONLY | constants.O_NONBLOCK));
    sink.write(LINE);
    sink.flushNow();
    expect(readAll(reader)).toBe(LINE);
    closeSync(reader);
    sink.write(LINE);
    sink.flushNow();
    await expect(sink.end(20)).resolves.toBeUndefined();
  });
});
