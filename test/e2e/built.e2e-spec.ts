import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { eventually } from '../support/eventually.js';

const BUILD_MS = 120_000;
const START_MS = 15_000;
const KEY = 'sk-tollgate-of-the-built-program-0123456789';
/** Writes the path of every file that the program loads to standard error. */
const TELL_FILES = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ load(url, context, next) { process.stderr.write('loads ' + url + '\\n'); return next(url, context); } });
`)}`;
const NO_LISTENING = `--import=data:text/javascript,${encodeURIComponent(`
  import net from 'node:net';
  net.Server.prototype.listen = () => { throw new TypeError('not today'); };
`)}`;

/** `dist/main.js` as operators start it: a bundle of what all other tests run from `src`. */
describe('the built program', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  let output = '';

  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/build-if-needed.mjs'], { stdio: 'pipe' });
  }, BUILD_MS);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-built-'));
    output = '';
  });
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });

  function start(...nodeArgs: string[]): ChildProcess {
    child = spawn(process.execPath, ['--enable-source-maps', ...nodeArgs, resolve('dist/main.js')], {
      cwd: folder,
      env: { PORT: '0', BOOTSTRAP_API_KEY: KEY, ADMIN_KEY: `admin-${KEY}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => (output += bytes.toString()));
    return child;
  }

  const origin = (): Promise<string> =>
    eventually(() => /listens on (\S+)/.exec(output)?.[1], 'a line that says where it listens', START_MS);

  const loaded = (): string[] => [...output.matchAll(/^loads file:(.+)$/gm)].map(([, path]) => path ?? '');

  it('answers as soon as it says that it is ready, and loads what few need when it is needed', async () => {
    start(TELL_FILES);
    const at = await origin();
    await eventually(async () => (await fetch(`${at}/health/ready`)).ok, 'readiness', START_MS);
    const chat = await fetch(`${at}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sandbox/chat', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(chat.status).toBe(200);
    expect(await chat.json()).toMatchObject({ object: 'chat.completion' });
    // A handful of files of its own, and nothing of node_modules.
    expect(loaded().length).toBeGreaterThan(2);
    expect(loaded().length).toBeLessThan(25);
    expect(loaded().filter((path) => path.includes('/node_modules/'))).toEqual([]);
    expect(loaded().filter((path) => /openapi-/.test(path))).toEqual([]);

    const before = loaded().length;
    const document: unknown = await (await fetch(`${at}/openapi.json`)).json();
    expect(document).toEqual(JSON.parse(readFileSync('docs/openapi.json', 'utf8')));
    expect(loaded().slice(before)).toEqual([expect.stringContaining('/dist/openapi-')]);
    const page = await (await fetch(`${at}/docs`)).text();
    for (const [, file] of page.matchAll(/(?:src|href)="([^"]+)"/g))
      expect([file, (await fetch(new URL(file ?? '', `${at}/docs`))).status]).toEqual([file, 200]);
  });

  it('counts with the token table that lies beside it where an upstream tells no usage', async () => {
    const content = 'Naïve Füchse jagen 3,000 geese – 漢字.';
    const upstream = createServer((_, response) => {
      const message = { role: 'assistant', content };
      const answer = {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ index: 0, message, finish_reason: 'stop' }],
      };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    await writeFile(
      join(folder, 'tollgate.yaml'),
      `upstreams:
  main: { protocol: openai, base_url: "http://127.0.0.1:${port}/v1" }
models:
  - id: quiet/model
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [{ upstream: main, model: m }]
`,
    );
    start();
    const response = await fetch(`${await origin()}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'quiet/model', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(await response.json()).toMatchObject({ usage: { completion_tokens: countTokens(content) } });
    upstream.close();
  });

  it('names places of src in stack traces', async () => {
    const [code] = (await once(start(NO_LISTENING), 'close')) as [number];
    expect(code).toBe(1);
    expect(output).toContain('not today');
    expect(output).toMatch(/\bsrc\/boot\.ts:\d+:\d+/);
    const line = Number(/\bsrc\/boot\.ts:(\d+)/.exec(output)?.[1]);
    expect(readFileSync('src/boot.ts', 'utf8').split('\n')[line - 1]).toContain('app.listen(');
  });
});
