import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { closedPort } from '../support/webhook-receiver.js';

const KEY = 'sk-tollgate-of-the-log-format-test-0123456789';
const urlOf = (path: string): string => pathToFileURL(resolve(path)).href;
const START = `await import(${JSON.stringify(urlOf('test/db/fixtures/run-typescript.mjs'))}); await import(${JSON.stringify(urlOf('src/main.ts'))});`;

/** Of the request that each test makes. */
const lineOf = (text: string) => text.split(/\r?\n/).find((line) => line.includes('/v1/models/no'));

describe('the log of a server', () => {
  let folder: string;
  let stop: () => Promise<unknown>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-log-'));
  });
  afterEach(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts a server, asks it two things, and gives what it wrote until it had told of the second. */
  async function logged(env: Record<string, string>, inTerminal: boolean): Promise<string> {
    const port = await closedPort();
    const run = [process.execPath, '--no-warnings', '--input-type=module', '-e', START];
    const quoted = run.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
    const [program = '', ...words] = inTerminal
      ? ['script', '--quiet', '--return', '--flush', '--command', `exec ${quoted}`, '/dev/null']
      : run;
    const child = spawn(program, words, {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', PORT: String(port), BOOTSTRAP_API_KEY: KEY, ...env },
      stdio: ['pipe', 'pipe', inTerminal ? 'ignore' : 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (bytes) => (text += String(bytes)));
    stop = async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    };
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${KEY}` } });
    await eventually(
      async () => (await ask('/health/ready').catch(() => undefined))?.status === 200,
      'readiness',
      30_000,
    );
    await (await ask('/v1/models/no%1b%5b31m%0aline')).body?.cancel();
    await eventually(() => text.includes('/v1/models/no'));
    return text;
  }

  it('is text for people in a terminal, each event a line, and what callers send cannot leave it', async () => {
    const text = await logged({}, true);
    expect(text).toMatch(/\d\d:\d\d:\d\d/);
    expect(text).toMatch(/request GET \/v1\/models\/no\S* 404 /);
    expect(text).toContain('\u001b[32minfo ');
    expect(text).not.toContain('\u001b[31mline');
    expect(text).not.toContain('{"level"');
  });

  it('has no colours where NO_COLOR asks for none', async () => {
    expect(await logged({ NO_COLOR: '1' }, true)).not.toContain('\u001b');
  });

  it('is JSON elsewhere, and in a terminal where that is asked for', async () => {
    expect(JSON.parse(lineOf(await logged({}, false)) ?? '')).toMatchObject({
      message: 'request',
      status: 404,
    });
    await stop();
    expect(JSON.parse(lineOf(await logged({ LOG_FORMAT: 'json' }, true)) ?? '')).toMatchObject({
      status: 404,
    });
  });

  it('tells of health probes at debug only', async () => {
    expect(await logged({}, false)).not.toContain('/health/ready');
    await stop();
    expect(await logged({ LOG_LEVEL: 'debug' }, false)).toContain('/health/ready');
  });
});
