import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ApiKeyRepository } from '../../src/accounts/api-key.repository.js';
import { ApiKeyService } from '../../src/auth/api-key.service.js';
import { hashSecret } from '../../src/auth/secret.js';
import { AppConfig } from '../../src/config/app-config.js';
import { Database } from '../../src/persistence/database.js';
import { billOf } from '../support/aftermath.js';
import { RawClient } from '../support/raw-client.js';
import { ADMIN_KEY, MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { rawExchange, rawRequest, type RawAnswer } from '../support/wire-raw.js';
import { chatBody, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const WRONG = 'sk-tg-0000000000000000000000000000000000000000000';
const BODY = JSON.stringify(chatBody());

describe('keys on the wire', () => {
  const app = useWireApp({ env: { AUTH_FAILURES_PER_MINUTE: '100000' } });

  /** A chat request whose credential headers stand as they are written, in this order. */
  function ask({ chat }: WireSurface, ...credentials: string[]): Promise<RawAnswer> {
    return rawExchange(
      app.tollgate.port,
      `POST ${chat} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${credentials.map((line) => `${line}\r\n`).join('')}` +
        `content-length: ${BODY.length}\r\n\r\n${BODY}`,
    );
  }

  it.each<[string, (key: string) => string[]]>([
    [
      'S1: two Authorization headers, the good one first',
      (key) => [`Authorization: Bearer ${key}`, `Authorization: Bearer ${WRONG}`],
    ],
    [
      'S1: two Authorization headers, the good one last',
      (key) => [`Authorization: Bearer ${WRONG}`, `authorization: Bearer ${key}`],
    ],
    [
      'S1: the same Authorization header twice',
      (key) => [`Authorization: Bearer ${key}`, `AUTHORIZATION: Bearer ${key}`],
    ],
    ['S1: two in one, as a proxy would join them', (key) => [`Authorization: Bearer ${key}, Bearer ${key}`]],
    ['S2: two X-API-Key headers', (key) => [`X-API-Key: ${key}`, `x-api-key: ${WRONG}`]],
    ['S2: the same X-API-Key header twice', (key) => [`X-API-Key: ${key}`, `X-API-Key: ${key}`]],
    ['S2: two in one, as Node would join them', (key) => [`X-API-Key: ${key}, ${key}`]],
    ['S2: two api-key headers', (key) => [`api-key: ${key}`, `api-key: ${key}`]],
  ])('%s: 401 on every surface', async (_name, credentials) => {
    for (const surface of SURFACES) {
      const answer = await ask(surface, ...credentials(app.tollgate.key));
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'invalid_api_key' } });
      expect(answer.body).not.toContain(app.tollgate.key);
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each([
    ['S4: SQL', "Authorization: Bearer ' OR '1'='1"],
    ['S4: SQL in X-API-Key', "X-API-Key: ' OR 1=1 --"],
    ['S4: an encoded NUL', 'Authorization: Bearer %00'],
    ['S4: a wildcard', 'Authorization: Bearer %'],
    ['S4: bytes above ASCII', 'Authorization: Bearer sk-tg-\u00e9\u00ff'],
    ['S4: a name that objects are born with', 'Authorization: Bearer __proto__'],
    ['S4: another scheme', 'Authorization: Basic c2stdGctMDAwMA=='],
    ['S4: no scheme', `Authorization: ${WRONG}`],
    ['S4: two schemes', `Authorization: Bearer Bearer ${WRONG}`],
    ['S4: 8 KB', `Authorization: Bearer ${'a'.repeat(8_000)}`],
    ['S4: 8 KB of spaces', `Authorization: Bearer ${' \t'.repeat(4_000)}x`],
  ])('%s is no key: 401', async (_name, credential) => {
    for (const surface of SURFACES) {
      const answer = await ask(surface, credential);
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'invalid_api_key' } });
    }
  });

  it('the admin key is none, and its owner is told which key is wanted', async () => {
    for (const surface of SURFACES) {
      const answer = await ask(surface, `Authorization: Bearer ${ADMIN_KEY}`);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(JSON.parse(answer.body)).toMatchObject({
        error: { code: 'admin_key_not_accepted', message: expect.stringContaining('/admin/v1/keys') },
      });
      expect(answer.body).not.toContain(ADMIN_KEY);
    }
  });

  it('an API key is no admin key, and its owner is told so, whatever became of the key', async () => {
    const expired = await app.tollgate.newKey({ expiresAtMs: Date.now() - 1 });
    for (const secret of [app.tollgate.key, expired.secret]) {
      const response = await app.tollgate.get('/admin/v1/keys', { authorization: `Bearer ${secret}` });
      expect(response.status).toBe(401);
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe('api_key_not_accepted');
      expect(error.message).toContain('admin key');
    }
    const guess = await app.tollgate.get('/admin/v1/keys', { authorization: `Bearer ${WRONG}` });
    expect(await guess.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });

  it('S4: a megabyte is not even read', async () => {
    const client = await RawClient.ask(
      app.tollgate.port,
      `GET ${W.models} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${'a'.repeat(1024 * 1024)}\r\n\r\n`,
    );
    await client.seen('\r\n\r\n{');
    expect(client.text).toMatch(/^HTTP\/1\.1 431 /);
    client.close();
  });

  it.each<[string, (key: string) => string]>([
    ['a lower-case scheme', (key) => `authorization: bearer ${key}`],
    ['an upper-case scheme', (key) => `AUTHORIZATION: BEARER ${key}`],
    ['tabs for spaces', (key) => `Authorization:\tBearer\t\t${key}\t `],
    ['no space before', (key) => `Authorization:Bearer ${key}`],
    ['api-key', (key) => `Api-Key: ${key}`],
  ])('S4: %s is how some clients spell it: 200', async (_name, credential) => {
    for (const surface of SURFACES)
      expect((await ask(surface, credential(app.tollgate.key))).status).toBe(200);
  });

  it('S3: of two tenants’ keys in one request the surface’s own header says who pays', async () => {
    const [bearer, header] = [await app.tollgate.newKey(), await app.tollgate.newKey()];
    for (const surface of SURFACES) {
      const payer = surface.name === 'W' ? header : bearer;
      for (const credentials of [
        [`Authorization: Bearer ${bearer.secret}`, `X-API-Key: ${header.secret}`],
        [`X-API-Key: ${header.secret}`, `Authorization: Bearer ${bearer.secret}`],
      ]) {
        const answer = await ask(surface, ...credentials, `api-key: ${app.tollgate.key}`);
        expect(answer.status).toBe(200);
        expect(await billOf(app, answer.headers.get('x-request-id') ?? '')).toMatchObject({
          accountId: payer.accountId,
          keyId: payer.id,
        });
      }
    }
  });

  it.each<[string, (key: string) => [path: string, body: Record<string, unknown>]]>([
    [
      'in the query',
      (key) => [`?api_key=${key}&key=${key}&access_token=${key}&authorization=Bearer%20${key}`, {}],
    ],
    ['in the body', (key) => ['', { api_key: key, apiKey: key, key, authorization: `Bearer ${key}` }]],
  ])('S28: a key %s is none', async (_name, request) => {
    const [query, fields] = request(app.tollgate.key);
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(`${surface.chat}${query}`, chatBody(fields), {
        authorization: undefined,
        cookie: `api_key=${app.tollgate.key}`,
      });
      await expectFailure(response, surface, 401, { code: null });
    }
  });

  it('S28: nor is one in the path', async () => {
    const { key, port } = app.tollgate;
    for (const path of [`/${key}/v1/models`, `/v1/${key}/models`, `http://${key}@a${W.models}`]) {
      const answer = await rawExchange(port, rawRequest('GET', path));
      expect([401, 404]).toContain(answer.status);
    }
  });

  it('a key that has been revoked is as unknown as any', async () => {
    const { secret } = await app.tollgate.newKey({ revokedAtMs: 1 });
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, chatBody(), {
        authorization: `Bearer ${secret}`,
      });
      const { error } = await expectFailure(response, surface, 401, { code: 'invalid_api_key' });
      expect(error.message).toMatch(/^Incorrect API key provided: sk-tg\*\*\*..\.$/);
    }
  });

  it('who shows an expired key is told that it has ended, and when', async () => {
    const expiresAtMs = Date.now() - 1;
    const { secret } = await app.tollgate.newKey({ expiresAtMs });
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, chatBody(), {
        authorization: `Bearer ${secret}`,
      });
      const { error } = await expectFailure(response, surface, 401, { code: 'api_key_expired' });
      expect(error.message).toContain(new Date(expiresAtMs).toISOString());
    }
  });

  it('a key that is revoked in this process is refused from the next request on', async () => {
    const { secret, id, accountId } = await app.tollgate.newKey();
    const headers = { authorization: `Bearer ${secret}` };
    expect((await app.tollgate.get(W.models, headers)).status).toBe(200);
    await app.tollgate.app.get(ApiKeyRepository).revoke(accountId, id, Date.now());
    app.tollgate.app.get(ApiKeyService).forget({ accountId, keyId: id });
    expect((await app.tollgate.get(W.models, headers)).status).toBe(401);
  });

  it('a key that may use some models knows of no others', async () => {
    const { secret } = await app.tollgate.newKey({ allowedModels: ['sandbox/echo'] });
    const headers = { authorization: `Bearer ${secret}` };
    for (const surface of SURFACES) {
      const refused = await app.tollgate.post(surface.chat, chatBody(), headers);
      await expectFailure(refused, surface, 403, { code: 'model_not_allowed', param: 'model' });
      const list = (await (await app.tollgate.get(surface.models, headers)).json()) as {
        data: { id: string }[];
      };
      expect(list.data.map(({ id }) => id)).toEqual(['sandbox/echo']);
      expect((await app.tollgate.get(`${surface.models}/${MODEL}`, headers)).status).toBe(404);
      const allowed = await app.tollgate.post(surface.chat, chatBody({ model: 'sandbox/echo' }), headers);
      expect(allowed.status).toBe(200);
    }
  });

  it('nothing but the hash of a key is stored, wherever one looks', async () => {
    const { secret } = await app.tollgate.newKey();
    await app.tollgate.post(W.chat, chatBody(), { authorization: `Bearer ${secret}` });
    const stored = await everythingStored();
    expect(stored).toContain(hashSecret(secret));
    for (const each of [secret, app.tollgate.key, ADMIN_KEY]) {
      // Ten characters are kept for people to tell keys apart.
      expect(stored).not.toContain(each.slice(10, 30));
    }
  });

  async function everythingStored(): Promise<string> {
    const { kysely, kind } = app.tollgate.app.get(Database);
    if (kind === 'sqlite') {
      const { dataDir } = app.tollgate.app.get(AppConfig).storage;
      const files = await readdir(dataDir);
      return (await Promise.all(files.map((file) => readFile(join(dataDir, file), 'latin1')))).join('\n');
    }
    const tables = await kysely.introspection.getTables();
    const rows = await Promise.all(
      tables.map(({ name }) =>
        kysely
          .selectFrom(name as 'settings')
          .selectAll()
          .execute(),
      ),
    );
    return JSON.stringify(rows, (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  }
});

describe('keys that another process revokes', () => {
  const app = useWireApp({ env: { KEY_CACHE_TTL_MS: '0' } });

  it('are refused as soon as KEY_CACHE_TTL_MS has passed, here at once', async () => {
    const { secret, id, accountId } = await app.tollgate.newKey();
    const headers = { authorization: `Bearer ${secret}` };
    expect((await app.tollgate.get(W.models, headers)).status).toBe(200);
    await app.tollgate.app.get(ApiKeyRepository).revoke(accountId, id, Date.now());
    expect((await app.tollgate.get(W.models, headers)).status).toBe(401);
  });
});

describe('S50: guessing keys', () => {
  const app = useWireApp({ env: { AUTH_FAILURES_PER_MINUTE: '3', TRUSTED_PROXY_HOPS: '1' } });

  const guess = ({ chat }: WireSurface, from: string, secret = WRONG): Promise<Response> =>
    app.tollgate.post(chat, '{', { authorization: `Bearer ${secret}`, 'x-forwarded-for': from });

  it.each(SURFACES)('is 401 three times, then 429, before anything else is told ($name)', async (surface) => {
    const from = `198.51.100.${surface.name.charCodeAt(0)}`;
    for (let i = 0; i < 3; i += 1) {
      const response = await guess(surface, from, `${WRONG}${i}`);
      expect([...response.headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
      await expectFailure(response, surface, 401, { code: 'invalid_api_key' });
    }
    const response = await guess(surface, from);
    expect(response.headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/);
    await expectFailure(response, surface, 429, { type: 'requests', code: 'rate_limit_exceeded' });
  });

  it('of two hundred guesses at once three are judged', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => guess(W, '198.51.100.1', `${WRONG}${i}`)),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(197);
  });

  it('S39: what a client claims before our proxy’s word buys no more guesses', async () => {
    for (let i = 0; i < 3; i += 1) await guess(W, `203.0.113.${i}, 198.51.100.2`);
    expect((await guess(W, '203.0.113.99, 198.51.100.2')).status).toBe(429);
    expect((await guess(W, '203.0.113.99')).status).toBe(401);
  });

  const scrape = (secret: string): Promise<Response> =>
    app.tollgate.get('/metrics', { authorization: `Bearer ${secret}`, 'x-forwarded-for': '198.51.100.3' });

  it('guesses at the admin key count as well', async () => {
    for (let i = 0; i < 3; i += 1) expect((await scrape(`${ADMIN_KEY}${i}`)).status).toBe(401);
    expect((await scrape('x')).status).toBe(429);
  });

  it('the admin key is good at an address that guessed at customers’ keys, and the other way round', async () => {
    const from = { 'x-forwarded-for': '198.51.100.5' };
    for (let i = 0; i < 5; i += 1) await guess(W, '198.51.100.5', `${WRONG}${i}`);
    const admin = () => app.tollgate.get('/metrics', { ...from, authorization: `Bearer ${ADMIN_KEY}` });
    expect((await admin()).status).toBe(200);
    for (let i = 0; i < 5; i += 1) {
      await app.tollgate.get('/metrics', { ...from, authorization: `Bearer ${ADMIN_KEY}${i}` });
    }
    expect((await admin()).status).toBe(200);
    // A key that this process has never seen.
    const { secret } = await app.tollgate.newKey();
    const answer = await app.tollgate.get(W.models, { ...from, authorization: `Bearer ${secret}` });
    expect(answer.status).toBe(200);
    expect((await guess(W, '198.51.100.5')).status).toBe(429);
  });

  it('a key in use goes on, whoever guesses behind the same address', async () => {
    const { secret } = await app.tollgate.newKey();
    const use = () =>
      app.tollgate.get(W.models, { authorization: `Bearer ${secret}`, 'x-forwarded-for': '198.51.100.4' });
    expect((await use()).status).toBe(200);
    for (let i = 0; i < 5; i += 1) await guess(W, '198.51.100.4');
    expect((await use()).status).toBe(200);
  });
});

describe('S39: without a trusted proxy', () => {
  const app = useWireApp({ env: { AUTH_FAILURES_PER_MINUTE: '3' } });

  it('no header moves a guesser elsewhere', async () => {
    const statuses: number[] = [];
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip']) {
      const headers = { authorization: `Bearer ${WRONG}`, [name]: `for=203.0.113.${statuses.length}` };
      statuses.push((await app.tollgate.get(W.models, headers)).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
  });
});
