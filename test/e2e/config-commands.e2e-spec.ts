import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';

const LOADER = new URL('../db/fixtures/run-typescript.mjs', import.meta.url).href;
const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ADMIN_KEY = 'admin-key-of-the-config-commands-test';

const YAML = (...names: string[]): string =>
  `upstreams: { s: { protocol: sandbox } }\nmodels:\n${names
    .map(
      (name) =>
        `  - { id: ${name}, pricing: { prompt: "0", completion: "0" }, routes: [ { upstream: s, model: echo } ] }\n`,
    )
    .join('')}`;

let folder: string;
const started: TollgateProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-config-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.discard()));
  await rm(folder, { recursive: true, force: true });
});

/** The tool as a process of its own, in a folder, with nothing but these variables. */
const cli = (cwd: string, env: Record<string, string>, ...words: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      ['--no-warnings', '--import', LOADER, CLI, ...words],
      { env, cwd },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });

const pidIn = (path: string): number => Number(readFileSync(path, 'utf8'));

async function start(
  env: Record<string, string> = {},
  cwd?: string,
  yaml = YAML('first'),
): Promise<TollgateProcess> {
  const gateway = await TollgateProcess.start({
    yaml,
    env: { ADMIN_KEY, ...env },
    ...(cwd === undefined ? {} : { folder: cwd }),
  });
  started.push(gateway);
  return gateway;
}

describe('config check', () => {
  it('says what a start would use, and starts nothing', async () => {
    await writeFile(join(folder, 'tollgate.yaml'), YAML('one', 'two'));
    expect(await cli(folder, {}, 'config', 'check')).toEqual({
      code: 0,
      stdout: `The configuration is right: 1 upstream and 17 models from ${join(folder, 'tollgate.yaml')}.\n`,
      stderr: '',
    });
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it('needs no file', async () => {
    const { code, stdout } = await cli(folder, { OPENAI_API_KEY: 'k-1' }, 'config', 'check');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^The configuration is right: 2 upstreams and \d+ models from the environment alone\.\n$/,
    );
  });

  it('tells every fault of variables, ./.env and file, never a value, and ends with 1', async () => {
    await writeFile(join(folder, 'tollgate.yaml'), 'upstreams: { a: { protocol: smoke } }\nmodel: []\n');
    await writeFile(join(folder, '.env'), 'CREDIT_USD=hunter2\n');
    const { code, stdout } = await cli(folder, { PORT: 'hunter3' }, 'config', 'check');
    expect(code).toBe(1);
    const [head, ...faults] = stdout.trimEnd().split('\n');
    expect(head).toBe('The configuration has 4 faults:');
    expect(faults).toEqual([
      expect.stringMatching(/^ {2}(PORT|CREDIT_USD) must /),
      expect.stringMatching(/^ {2}(PORT|CREDIT_USD) must /),
      expect.stringMatching(/^ {2}\S+tollgate\.yaml:2/),
      expect.stringMatching(/^ {2}\S+tollgate\.yaml:1/),
    ]);
    expect(stdout).not.toContain('hunter');
  });

  it('warns of models without a price and upstreams without use, which a start logs', async () => {
    const yaml = `upstreams:
  s: { protocol: sandbox }
  o: { protocol: openai, base_url: "http://127.0.0.1:9/v1" }
  idle: { protocol: openai, base_url: "http://127.0.0.1:9/v1", discover: false }
models:
  - { id: unheard-of, routes: [ { upstream: o, model: unheard-of } ] }
`;
    await writeFile(join(folder, 'tollgate.yaml'), yaml);
    const warnings = [
      'No price known, so not listed and refused: unheard-of. Write one: docs/configuration.md, Prices',
      'No model routes to these upstreams, and they are not asked for models of their own (discover): idle',
    ];
    expect(await cli(folder, {}, 'config', 'check')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^The configuration is right: 3 upstreams and 16 models from \S+\n$/),
      stderr: warnings.map((warning) => `Warning: ${warning}\n`).join(''),
    });
    const gateway = await start({}, folder, yaml);
    await gateway.origin();
    for (const warning of warnings) expect(gateway.output).toContain(warning);
  });

  it('tells of a tab, and of nothing that follows from it', async () => {
    const path = join(folder, 'tollgate.yaml');
    await writeFile(path, 'upstreams:\n\ts: { protocol: sandbox }\nmodels:\n\t- id: m\n');
    expect(await cli(folder, {}, 'config', 'check')).toEqual({
      code: 1,
      stdout: `The configuration has a fault:\n  ${path}:2:1 is a tab; YAML is indented with spaces alone. Put two spaces in the place of each tab\n`,
      stderr: '',
    });
  });

  it('refuses a file in another encoding than UTF-8', async () => {
    await writeFile(join(folder, 'tollgate.yaml'), Buffer.from(`\uFEFF${YAML('one')}`, 'utf16le'));
    const { code, stdout } = await cli(folder, {}, 'config', 'check');
    expect(code).toBe(1);
    expect(stdout).toContain('tollgate.yaml cannot be read (it is not UTF-8; save it as such)\n');
  });

  it('gives all of it as JSON', async () => {
    const { code, stdout } = await cli(folder, { PORT: 'x' }, 'config', 'check', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ ok: false, faults: [expect.stringMatching(/^PORT must /)] });
  });
});

describe('reload', () => {
  it('lets the running server read its file again; a bad one is refused with its faults, and changes nothing', async () => {
    const gateway = await start();
    const origin = await gateway.origin();
    const env = { ADMIN_KEY, TOLLGATE_URL: origin };
    const file = join(gateway.folder, 'tollgate.yaml');

    await writeFile(file, YAML('first', 'second'));
    expect(await cli(folder, env, 'reload')).toEqual({
      code: 0,
      stdout: `The server has read its configuration: 1 upstream and 17 models from ${file}.\n`,
      stderr: '',
    });

    await writeFile(file, 'upstreams: { s: { protocol: smoke } }\n');
    const refused = await cli(folder, env, 'reload');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(`The configuration has a fault:\n  ${file}:1`);
    expect((await cli(folder, { ...env, ADMIN_KEY: 'another-admin-key' }, 'reload')).code).toBe(1);
    expect(gateway.output).toContain('configuration not reloaded');
  });
});

describe('a route to a sandbox model that does not exist', () => {
  it('is a fault at a start, for `config check` and at a reload', async () => {
    const misspelt = YAML('first').replace('model: echo', 'model: ehco');
    const fault = 'models[0].routes[0].model: names no model of the sandbox; did you mean "echo"?\n';
    const gateway = await start();
    const env = { ADMIN_KEY, TOLLGATE_URL: await gateway.origin() };
    await writeFile(join(gateway.folder, 'tollgate.yaml'), misspelt);
    expect(await cli(folder, env, 'reload')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(fault),
    });
    expect(await cli(gateway.folder, {}, 'config', 'check')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(fault),
    });
    await gateway.stop();
    const second = await start({}, gateway.folder, misspelt);
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toContain(fault);
  });
});

describe('the pid file', () => {
  it('in the data folder names the server, takes its signals to it, and goes with it', async () => {
    const gateway = await start();
    await gateway.origin();
    const path = join(gateway.folder, 'data', 'tollgate.pid');
    process.kill(pidIn(path), 'SIGHUP');
    await eventually(() => gateway.output.includes('configuration reloaded'), 'a reload');
    process.kill(pidIn(path), 'SIGTERM');
    expect(await gateway.exitCode()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('that kill -9 left behind is written anew by the next start', async () => {
    const first = await start();
    await first.origin();
    const path = join(first.folder, 'data', 'tollgate.pid');
    const left = pidIn(path);
    first.signal('SIGKILL');
    await first.exitCode();
    expect(pidIn(path)).toBe(left);
    const second = await start({}, first.folder);
    await second.origin();
    expect(pidIn(path)).not.toBe(left);
    await second.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('that PID_FILE names is made as well, where another process has been, too, and goes with the server', async () => {
    const path = join(folder, 'replica-1.pid');
    await writeFile(path, `${process.pid}\n`);
    const gateway = await start({ PID_FILE: path });
    await gateway.origin();
    process.kill(pidIn(path), 0);
    expect(pidIn(path)).not.toBe(process.pid);
    await eventually(() => gateway.output.includes('PID_FILE named another process that runs'), 'a warning');
    await gateway.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('that cannot be written fails the start in one message', async () => {
    const gateway = await start({ PID_FILE: join(folder, 'nowhere', 'pid') });
    expect(await gateway.exitCode()).toBe(1);
    expect(gateway.output).toContain(
      'The configuration has a fault:\n  PID_FILE cannot be written (ENOENT)\n',
    );
  });
});
