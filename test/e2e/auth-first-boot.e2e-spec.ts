import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { onPostgres } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { TollgateProcess, type TollgateProcessOptions } from '../support/tollgate-process.js';

const API_KEY = /sk-tg-[\w-]{43}/g;
const ADMIN_KEY = /admin-tg-[\w-]{43}/g;

const started: TollgateProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.discard()));
}, 20_000);

async function start(options: TollgateProcessOptions = {}): Promise<TollgateProcess> {
  const gateway = await TollgateProcess.start(options);
  started.push(gateway);
  return gateway;
}

async function statusOf(origin: string, path: string, key: string): Promise<number> {
  return (await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } })).status;
}

/** The two secrets of a first boot, from what it printed. */
async function secretsOf(gateway: TollgateProcess): Promise<{ apiKey: string; adminKey: string }> {
  await eventually(() => gateway.output.includes('Documentation:'), 'a welcome', 15_000);
  const [apiKey] = gateway.output.match(API_KEY) ?? [];
  const [adminKey] = gateway.output.match(ADMIN_KEY) ?? [];
  if (apiKey === undefined || adminKey === undefined) throw new Error('no secrets were printed');
  return { apiKey, adminKey };
}

describe('the first boot', () => {
  it('prints a key and an admin key that work, the next boot does not, and neither is in a file', async () => {
    const first = await start();
    const origin = await first.origin();
    const { apiKey, adminKey } = await secretsOf(first);
    expect(await statusOf(origin, '/v1/models', apiKey)).toBe(200);
    expect(await statusOf(origin, '/metrics', adminKey)).toBe(200);
    expect(await statusOf(origin, '/metrics', apiKey)).toBe(401);
    await first.stop();

    const folder = join(first.folder, 'data');
    for (const file of await readdir(folder)) {
      const bytes = await readFile(join(folder, file), 'latin1');
      // Its first characters are kept for people to tell keys apart.
      expect(bytes).not.toContain(apiKey.slice(10));
      expect(bytes).not.toContain(adminKey.slice(10));
    }

    const second = await start({ folder: first.folder });
    const again = await second.origin();
    expect(await statusOf(again, '/v1/models', apiKey)).toBe(200);
    expect(await statusOf(again, '/metrics', adminKey)).toBe(200);
    const output = await second.stop();
    expect(output).not.toMatch(API_KEY);
    expect(output).not.toMatch(ADMIN_KEY);
  }, 60_000);

  it('prints nothing that the operator chose', async () => {
    const env = { BOOTSTRAP_API_KEY: 'chosen-by-the-operator-1', ADMIN_KEY: 'chosen-by-the-operator-2' };
    const gateway = await start({ env });
    const origin = await gateway.origin();
    await eventually(
      async () => (await statusOf(origin, '/v1/models', env.BOOTSTRAP_API_KEY)) === 200,
      'the first key',
    );
    expect(await statusOf(origin, '/metrics', env.ADMIN_KEY)).toBe(200);
    const output = await gateway.stop();
    expect(output).not.toContain('chosen-by-the-operator');
    expect(output).not.toMatch(API_KEY);
    expect(output).not.toMatch(ADMIN_KEY);
  }, 60_000);
});

onPostgres((newDatabaseUrl) => {
  it('of three processes that start at once one makes the keys, and all know them', async () => {
    const url = await newDatabaseUrl();
    const gateways = await Promise.all([1, 2, 3].map(() => start({ env: { DATABASE_URL: url } })));
    const origins = await Promise.all(gateways.map((gateway) => gateway.origin()));
    const printed = () => gateways.map(({ output }) => output).join('\n');
    await eventually(() => printed().match(ADMIN_KEY) !== null, 'a welcome', 15_000);
    const [apiKey = '', ...otherKeys] = new Set(printed().match(API_KEY));
    const [adminKey = '', ...otherAdminKeys] = new Set(printed().match(ADMIN_KEY));
    expect([...otherKeys, ...otherAdminKeys]).toEqual([]);
    for (const origin of origins) {
      expect(await statusOf(origin, '/v1/models', apiKey)).toBe(200);
      expect(await statusOf(origin, '/metrics', adminKey)).toBe(200);
    }

    const client = new Client(url);
    await client.connect();
    const { rows } = await client.query('select count(*)::int as keys from api_keys');
    await client.end();
    expect(rows).toEqual([{ keys: 1 }]);
  }, 60_000);
});
