import { execFileSync, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { closedPort } from '../support/webhook-receiver.js';

const LOADER = new URL('../db/fixtures/run-typescript.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SERVER = [process.execPath, '--no-warnings', '--import', LOADER, MAIN] as const;
const KEY = 'sk-tollgate-of-the-log-sink-test-0123456';
const DRAIN_TIMEOUT_MS = 5_000;
const START_MS = 30_000;
/** More than a pipe and what waits for it can hold, at half a kilobyte a line. */
const MANY = 4_000;

describe('a process whose output goes nowhere', () => {
  let folder: string;
  let port: number;
  const children: ChildProcess[] = [];
  const opened: number[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-sink-'));
    port = await closedPort();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    }
    for (const fd of opened.splice(0)) closeSync(fd);
    await rm(folder, { recursive: true, force: true });
  });

  const environment = (env: Record<string, string> = {}): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    PORT: String(port),
    BOOTSTRAP_API_KEY: KEY,
    ADMIN_KEY: 'admin-key-of-the-log-sink-test',
    DEFAULT_RPM: '1000000',
    DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
    ...env,
  });

  async function start(stdio: StdioOptions): Promise<ChildProcess> {
    const [node, ...args] = SERVER;
    const child = spawn(node, args, { cwd: folder, env: environment(), stdio });
    children.push(child);
    await serves();
    return child;
  }

  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${KEY}` } });

  const serves = (): Promise<unknown> =>
    eventually(
      async () => {
        try {
          return (await get('/v1/models')).ok;
        } catch {
          return false;
        }
      },
      'a first boot that is over',
      START_MS,
    );

  async function askMany(): Promise<void> {
    const path = `/nowhere/${'x'.repeat(240)}`;
    for (let i = 0; i < MANY; i += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => get(path)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404));
      await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    }
  }

  it('serves on, and ends in its time, when its reader has gone', async () => {
    const child = await start(['ignore', 'pipe', 'pipe']);
    child.stdout?.destroy();
    child.stderr?.destroy();
    await askMany();
    expect(await end(child)).toEqual({ code: 0, inTime: true });
  });

  it('serves on in bounded memory, and ends in its time, when nobody reads', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    opened.push(fd);
    const child = await start(['ignore', fd, fd]);
    await askMany();
    expect(await end(child)).toEqual({ code: 0, inTime: true });
  });

  it('tells how many lines were dropped when it is read again', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    opened.push(fd);
    const child = await start(['ignore', fd, 'ignore']);
    await askMany();
    let text = '';
    const dropped = await eventually(() => {
      text += readAll(fd);
      return /"dropped":(\d+),"message":"log lines were dropped/.exec(text)?.[1];
    }, 'a count of what was dropped');
    const logged = text.split('"path":"/nowhere/').length - 1;
    expect(logged + Number(dropped)).toBeGreaterThanOrEqual(MANY);
    expect(await end(child)).toEqual({ code: 0, inTime: true });
  });

  it('serves on, and ends in its time, on a full disk', async () => {
    const fd = openSync('/dev/full', 'w');
    opened.push(fd);
    const child = await start(['ignore', fd, fd]);
    await askMany();
    expect(await end(child)).toEqual({ code: 0, inTime: true });
  });

  it('ends with the terminal that it was started in; until then SIGHUP reads the configuration', async () => {
    const log = join(folder, 'typescript');
    const pidFile = join(folder, 'pid');
    writeFileSync(join(folder, 'tollgate.yaml'), 'upstreams: { s: { protocol: sandbox } }\n');
    const command = `echo $$ > ${pidFile}; exec ${SERVER.join(' ')}`;
    const terminal = spawn('script', ['-qfc', command, log], {
      cwd: folder,
      env: environment(),
      stdio: 'ignore',
    });
    children.push(terminal);
    await serves();
    const pid = Number(readFileSync(pidFile, 'utf8'));

    process.kill(pid, 'SIGHUP');
    await eventually(() => readFileSync(log, 'utf8').includes('configuration reloaded'), 'a reload');
    await serves();

    terminal.kill('SIGKILL');
    expect(await eventually(() => !isAlive(pid), 'an end', DRAIN_TIMEOUT_MS)).toBe(true);
  });
});

/** SIGTERM; how it ended, and whether it took less than the time for open answers, of which there are none. */
async function end(child: ChildProcess): Promise<{ code: unknown; inTime: boolean }> {
  const ended = once(child, 'exit');
  const before = performance.now();
  child.kill('SIGTERM');
  const [code] = await ended;
  return { code, inTime: performance.now() - before < DRAIN_TIMEOUT_MS };
}

function readAll(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
