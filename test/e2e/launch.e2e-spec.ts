import { execFile, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { closedPort } from '../support/webhook-receiver.js';

const START_MS = 30_000;
const KEY = 'sk-tollgate-of-the-launch-test-0123456789';
const KEPT = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'bin',
  'scripts',
  'docs/openapi.json',
];
const urlOf = (path: string): string => pathToFileURL(resolve(path)).href;
/** What the stand-in for the compiler makes of a program: the same, of the sources as they are. */
const programOf = (path: string): string =>
  `await import(${JSON.stringify(urlOf('test/db/fixtures/run-typescript.mjs'))});\nawait import(${JSON.stringify(urlOf(path))});\n`;
/** Counts its runs; takes seconds less than the real one. */
const COMPILER =
  '#!/bin/sh\nmkdir -p dist/modules/cli && cp src/main.ts dist/modules/main.js && cp src/cli/main.ts dist/modules/cli/main.js && echo built >>builds\n';
/** Bundles nothing: a program is its module. */
const BUNDLER = `import { readFileSync } from 'node:fs';
export const build = async () => ({
  outputFiles: ['main', 'cli/main'].map((name) => ({
    path: \`dist/\${name}.js\`,
    text: readFileSync(\`dist/modules/\${name}.js\`, 'utf8'),
  })),
});
`;
const OLD_NODE = `--import=data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})',
)}`;

/** A clone of the project after `npm ci`, with a stand-in for the compiler, and nothing built. */
describe('a clone', () => {
  let folder: string;
  let port: number;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-clone-'));
    port = await closedPort();
    for (const name of KEPT) cpSync(name, join(folder, name), { recursive: true });
    for (const path of ['src/main.ts', 'src/cli/main.ts']) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), programOf(path));
    }
    for (const name of ['@nestjs/cli', 'typescript', 'esbuild', '.bin'])
      mkdirSync(join(folder, 'node_modules', name), { recursive: true });
    writeFileSync(join(folder, 'node_modules/.bin/nest'), COMPILER);
    chmodSync(join(folder, 'node_modules/.bin/nest'), 0o755);
    writeFileSync(join(folder, 'node_modules/esbuild/index.mjs'), BUNDLER);
    writeFileSync(join(folder, 'node_modules/esbuild/package.json'), '{ "exports": "./index.mjs" }');
  });
  afterEach(async () => {
    for (const child of children.splice(0))
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    const pid = serverPid();
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const environment = (env: Record<string, string> = {}): Record<string, string> => ({
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    PORT: String(port),
    BOOTSTRAP_API_KEY: KEY,
    npm_config_update_notifier: 'false',
    ...env,
  });

  const run = (command: string, env: Record<string, string> = {}) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((done) => {
      execFile('sh', ['-c', command], { cwd: folder, env: environment(env) }, (error, stdout, stderr) =>
        done({ code: error?.code ?? 0, stdout, stderr }),
      );
    });

  const cli = (): Promise<unknown> => run('npm run cli -- --help');

  const builds = (): number =>
    existsSync(join(folder, 'builds'))
      ? readFileSync(join(folder, 'builds'), 'utf8').split('\n').length - 1
      : 0;

  const serverPid = (): number | undefined => {
    const path = join(folder, 'data/tollgate.pid');
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
  };

  /** What `npm prune --omit=dev` does to the compiler and to the time of the lock file. */
  function prune(): void {
    for (const name of ['@nestjs/cli', 'typescript', 'esbuild', '.bin/nest'])
      rmSync(join(folder, 'node_modules', name), { recursive: true });
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(folder, 'package-lock.json'), later, later);
  }

  /** Starts a server in the background of a shell, as an operator does; resolves with the id of `$!` when it serves. */
  async function background(command: string): Promise<{ pid: number; output: () => string }> {
    const shell = spawn('sh', ['-c', `${command} & echo "job $!"; wait`], {
      cwd: folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(shell);
    let text = '';
    for (const stream of [shell.stdout, shell.stderr])
      stream.on('data', (bytes: Buffer) => (text += bytes.toString()));
    await eventually(
      async () => {
        if (shell.exitCode !== null) throw new Error(`ended: ${text}`);
        return serves();
      },
      'a server',
      START_MS,
    );
    return { pid: Number(/job (\d+)/.exec(text)?.[1]), output: () => text };
  }

  async function serves(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
    } catch {
      return false;
    }
  }

  /** Whether the server has ended in good order. */
  async function ended(pid: number | undefined): Promise<boolean> {
    if (pid === undefined) return false;
    await eventually(() => !isAlive(pid), 'an end of the server', START_MS);
    return !(await serves()) && serverPid() === undefined;
  }

  it.each(['TERM', 'INT', 'HUP', 'KILL'])(
    'ends its server when the npm that runs `npm start` gets SIG%s',
    async (signal) => {
      const npm = await background('npm start');
      const server = serverPid();
      expect(server).not.toBe(npm.pid);
      process.kill(npm.pid, `SIG${signal}` as NodeJS.Signals);
      expect(await ended(server)).toBe(true);
    },
  );

  it.each(['TERM', 'HUP', 'KILL'])('ends its server when npx gets SIG%s', async (signal) => {
    await run('npm run build');
    symlinkSync('../../bin/tollgate', join(folder, 'node_modules/.bin/tollgate'));
    const npx = await background('npx tollgate serve');
    const server = serverPid();
    process.kill(npx.pid, `SIG${signal}` as NodeJS.Signals);
    expect(await ended(server)).toBe(true);
  });

  it('takes a Ctrl-C, which npm passes on as well, for one wish: open answers end', async () => {
    const npm = spawn('npm', ['start'], { cwd: folder, env: environment(), stdio: 'ignore', detached: true });
    children.push(npm);
    await eventually(serves, 'a server', START_MS);
    const server = serverPid();
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'sandbox/slow',
        stream: true,
        messages: [{ role: 'user', content: 'Say something that takes a moment.' }],
      }),
    });
    expect(answer.status).toBe(200);
    process.kill(-(npm.pid ?? 0), 'SIGINT');
    expect(await answer.text()).toContain('data: [DONE]');
    expect(await ended(server)).toBe(true);
  });

  it('that was made ready for production as the README says starts, and has its tools, without a compiler', async () => {
    expect((await run('npm run build')).code).toBe(0);
    prune();
    const npm = await background('npm start');
    const server = serverPid();
    expect(npm.output()).not.toContain('Building');
    const help = await run('npm run cli -- --help');
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('config check'), stderr: '' });
    process.kill(npm.pid, 'SIGTERM');
    expect(await ended(server)).toBe(true);

    mkdirSync(join(folder, 'bin-of-somebody'));
    symlinkSync('../bin/tollgate', join(folder, 'bin-of-somebody/tollgate'));
    const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
    expect(await run('bin-of-somebody/tollgate --version')).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
    expect(await run('bin-of-somebody/tollgate cli config check')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^The configuration is right: /),
    });
    expect(await run('bin-of-somebody/tollgate sevre')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^There is no such command: tollgate sevre\n/),
    });
    const direct = await background('bin-of-somebody/tollgate serve');
    expect(serverPid()).toBe(direct.pid);
    process.kill(direct.pid, 'SIGTERM');
    expect(await ended(direct.pid)).toBe(true);
    expect(builds()).toBe(1);
  });

  it.each([
    ['npm run -s cli -- ', 'npm run cli --', 'npm start'],
    ['npx tollgate cli ', 'npx tollgate cli', 'npx tollgate serve'],
    ['bin-of-somebody/tollgate cli ', 'tollgate cli', 'tollgate serve'],
    ['node dist/cli/main.js ', 'node dist/cli/main.js', 'node dist/main.js'],
  ])('calls its tool in help and suggestions as it was called: %s', async (typed, tool, server) => {
    await run('npm run build');
    mkdirSync(join(folder, 'bin-of-somebody'));
    for (const bin of ['bin-of-somebody', 'node_modules/.bin'])
      symlinkSync(join(folder, 'bin/tollgate'), join(folder, bin, 'tollgate'));
    expect((await run(`${typed} --help`)).stdout).toContain(`Usage: ${tool} <command> [options]\n`);
    expect((await run(`${typed} keys create --help`)).stdout).toContain(
      `Usage: ${tool} keys create --account`,
    );
    expect(await run(`${typed} keys list --limt 5`)).toEqual({
      code: 2,
      stdout: '',
      stderr: `keys list: there is no option --limt; did you mean --limit?\nUsage: ${tool} keys list [options]\nHelp: ${tool} keys list --help\n`,
    });
    const env = { ADMIN_KEY: 'admin-key-of-the-launch-test', TOLLGATE_URL: `http://127.0.0.1:${port}` };
    expect((await run(`${typed} keys list`, env)).stderr).toContain(`Is it running (${server})?`);
  });

  it('builds when contents differ, and not for the time of a file', async () => {
    await cli();
    await cli();
    expect(builds()).toBe(1);
    const later = new Date(Date.now() + 60_000);
    for (const name of ['package-lock.json', 'src/main.ts', 'tsconfig.json'])
      utimesSync(join(folder, name), later, later);
    writeFileSync(join(folder, 'src/main.spec.ts'), '// a test is no part of it');
    await cli();
    expect(builds()).toBe(1);
    writeFileSync(join(folder, 'src/new.ts'), 'export {};\n');
    await cli();
    expect(builds()).toBe(2);
    const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
    writeFileSync(join(folder, 'package-lock.json'), lock.replace('"version": "', '"version": "1'));
    await cli();
    expect(builds()).toBe(2);
    writeFileSync(
      join(folder, 'package-lock.json'),
      lock.replaceAll(/("node_modules\/kysely": \{\s+"version": ")/g, '$11'),
    );
    await cli();
    expect(builds()).toBe(3);
    rmSync(join(folder, 'dist'), { recursive: true });
    await cli();
    expect(builds()).toBe(4);
  });

  it('whose sources have changed runs what was built where there is no compiler, and says so in a line', async () => {
    await run('npm run build');
    prune();
    writeFileSync(join(folder, 'src/new.ts'), 'export {};\n');
    expect(await run('npm run -s cli -- --help')).toMatchObject({
      code: 0,
      stderr: 'Running what was built, though it was made of other sources: there is no compiler here.\n',
    });
  });

  it('with neither compiler nor anything built says in a line what to do', async () => {
    prune();
    for (const command of ['npm start', 'npm run cli -- --help', 'bin/tollgate serve']) {
      const { code, stderr } = await run(command);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Nothing is built.+npm ci && npm run build.*\n$/);
    }
  });

  it('on a Node that is too old says in a line what is needed', async () => {
    await run('npm run build');
    const old = { NODE_OPTIONS: OLD_NODE };
    for (const command of [
      'npm start',
      'npm run cli -- --help',
      'bin/tollgate serve',
      'node dist/main.js',
      'node dist/cli/main.js',
    ]) {
      const { code, stderr } = await run(command, old);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^Tollgate needs Node 22\.19 or newer, and this is 20\.20\.2: install Node 24 .+\n$/,
      );
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
