import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { onPostgres } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';

const LOADER = new URL('../db/fixtures/run-typescript.mjs', import.meta.url).href;
const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const API_KEY = /sk-tg-[\w-]{43}/;
const ADMIN_KEY = /admin-tg-[\w-]{43}/;

const started: TollgateProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.discard()));
}, 20_000);

async function start(
  options: { folder?: string; env?: Record<string, string> } = {},
): Promise<TollgateProcess> {
  const gateway = await TollgateProcess.start(options);
  started.push(gateway);
  return gateway;
}

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

const statusOf = async (origin: string, path: string, key: string): Promise<number> =>
  (await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } })).status;

const firstMatch = (pattern: RegExp, text: string): string => pattern.exec(text)?.[0] ?? '';

/** Replaces the admin key, which ends, and with the new one the API key. @returns what a request with that one gets */
async function replaceBoth(gateway: TollgateProcess, env: Record<string, string> = {}): Promise<number> {
  const origin = await gateway.origin();
  await eventually(() => ADMIN_KEY.test(gateway.output), 'a first boot', 15_000);
  const lost = firstMatch(ADMIN_KEY, gateway.output);
  expect(await statusOf(origin, '/admin/v1/accounts', lost)).toBe(200);

  const { code, stdout, stderr } = await cli(gateway.folder, env, 'admin-key', 'new');
  expect([code, stderr]).toEqual([0, '']);
  const adminKey = firstMatch(ADMIN_KEY, stdout);
  const isTaken = async () => (await statusOf(origin, '/admin/v1/accounts', adminKey)) === 200;
  await eventually(isTaken, 'the new key to be taken', 10_000);
  expect(await statusOf(origin, '/admin/v1/accounts', lost)).toBe(401);

  const asAdmin = { ...env, ADMIN_KEY: adminKey, TOLLGATE_URL: origin };
  const accounts = await cli(gateway.folder, asAdmin, 'accounts', 'list');
  const account = firstMatch(/acct_[0-9a-f]+/, accounts.stdout);
  const made = await cli(gateway.folder, asAdmin, 'keys', 'create', '--account', account);
  return statusOf(origin, '/v1/models', firstMatch(API_KEY, made.stdout));
}

describe('who has lost both keys', () => {
  it('gets others from the tool while the server runs', async () => {
    expect(await replaceBoth(await start())).toBe(200);
  }, 90_000);

  it('gets another admin key while it does not, and the next start tells how to get an API key', async () => {
    const first = await start();
    await first.origin();
    await eventually(() => ADMIN_KEY.test(first.output), 'a first boot', 15_000);
    await first.stop();
    const { code, stdout } = await cli(first.folder, {}, 'admin-key', 'new');
    expect(code).toBe(0);
    const again = await start({ folder: first.folder });
    const origin = await again.origin();
    await eventually(() => again.output.includes('Lost the admin key'), 'a welcome', 15_000);
    expect(await statusOf(origin, '/admin/v1/accounts', firstMatch(ADMIN_KEY, stdout))).toBe(200);
    expect(await statusOf(origin, '/admin/v1/accounts', firstMatch(ADMIN_KEY, first.output))).toBe(401);

    expect(again.output).toMatch(/^Models: \d+ \(sandbox\//m);
    expect(again.output).toContain('Only the sandbox answers');
    expect(again.output).toContain(`Documentation: ${origin}/docs`);
    const printed = /keys create --account acct_[0-9a-f]+/.exec(again.output)?.[0] ?? '';
    const env = { ADMIN_KEY: firstMatch(ADMIN_KEY, stdout), TOLLGATE_URL: origin };
    const made = await cli(first.folder, env, ...printed.split(' '));
    expect(await statusOf(origin, '/v1/models', firstMatch(API_KEY, made.stdout))).toBe(200);
  }, 90_000);

  it('is told where there is no server’s data, and makes none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-none-'));
    try {
      const { code, stdout, stderr } = await cli(folder, {}, 'admin-key', 'new');
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('DATA_DIR');
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 30_000);

  it('is warned where ADMIN_KEY is set: a server that was started with it takes no other', async () => {
    const gateway = await start({ env: { ADMIN_KEY: 'chosen-by-the-operator' } });
    const origin = await gateway.origin();
    const env = { ADMIN_KEY: 'chosen-by-the-operator' };
    const { code, stdout, stderr } = await cli(gateway.folder, env, 'admin-key', 'new');
    expect(code).toBe(0);
    expect(stderr).toContain('ADMIN_KEY is set');
    expect(await statusOf(origin, '/admin/v1/accounts', 'chosen-by-the-operator')).toBe(200);
    expect(await statusOf(origin, '/admin/v1/accounts', firstMatch(ADMIN_KEY, stdout))).toBe(401);
  }, 60_000);
});

onPostgres((newDatabaseUrl) => {
  it('who has lost both keys of a server on PostgreSQL gets others from the tool', async () => {
    const env = { DATABASE_URL: await newDatabaseUrl() };
    expect(await replaceBoth(await start({ env }), env)).toBe(200);
  }, 90_000);
});
