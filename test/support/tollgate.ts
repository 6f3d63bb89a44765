import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { boot, type Listening } from '../../src/boot.js';
import { AccountsService } from '../../src/accounts/accounts.service.js';
import type { NewApiKey } from '../../src/auth/api-key.js';
import { ApiKeyRepository } from '../../src/accounts/api-key.repository.js';
import { displayPrefix, hashSecret, newApiKeySecret } from '../../src/auth/secret.js';
import { UsageRepository, type UsageRecord } from '../../src/billing/usage.repository.js';
import { newRowId } from '../../src/common/ids/ids.js';
import { loadConfig } from '../../src/config/load-config.js';
import { InFlight } from '../../src/inference/in-flight.js';
import { Database } from '../../src/persistence/database.js';
import { newDatabase } from './databases.js';
import type { FakeUpstream } from './fake-upstream.js';

export interface TollgateOptions {
  /** Serves `test/model` and the other models of `catalogueYaml` from this fake; without it: the sandbox alone. */
  readonly upstream?: FakeUpstream;
  /** The whole `tollgate.yaml`, in place of the one for `upstream`. */
  readonly yaml?: string;
  /** A PostgreSQL database that is there already, or `'sqlite'`; without it: what `TEST_DATABASE_URL` says. */
  readonly database?: string;
  /** Called when it listens and nothing else is sure yet, the database least of all. */
  readonly onListening?: (tollgate: Tollgate) => Promise<void>;
  /** Variables on top of the harness's own; see `.env.example`. */
  readonly env?: Readonly<Record<string, string>>;
}

export const ADMIN_KEY = 'admin-key-of-the-tests';

/** The model that the fake upstream serves, with the price of Qolaba's published sample. */
export const MODEL = 'test/model';

/**
 * The whole application on a socket of its own, with an empty database: PostgreSQL where `TEST_DATABASE_URL` is set,
 * else SQLite in a temporary folder. Started as users start it.
 */
export class Tollgate {
  private constructor(
    readonly app: NestExpressApplication,
    /** `http://127.0.0.1:<port>` */
    readonly origin: string,
    readonly port: number,
    /** Secret of the first account's first key. */
    readonly key: string,
    private readonly cleanups: readonly (() => Promise<unknown>)[],
  ) {}

  static async start(options: TollgateOptions = {}): Promise<Tollgate> {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-app-'));
    const yaml = options.yaml ?? (options.upstream && catalogueYaml(options.upstream.baseUrl));
    if (yaml !== undefined) await writeFile(join(folder, 'tollgate.yaml'), yaml);
    const database = options.database === undefined ? await newDatabase() : undefined;
    const databaseUrl = options.database === 'sqlite' ? undefined : (options.database ?? database?.url);
    const key = newApiKeySecret();
    const config = loadConfig(
      {
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        LOG_LEVEL: 'silent',
        ADMIN_KEY,
        BOOTSTRAP_API_KEY: key,
        BOOTSTRAP_CREDITS: '1000000',
        ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
        ...options.env,
      },
      folder,
    );
    const tollgateOf = ({ app, origin, port }: Listening): Tollgate =>
      new Tollgate(app, origin, port, config.access.bootstrapApiKey ?? key, [
        () => app.close(),
        () => database?.drop() ?? Promise.resolve(),
        () => rm(folder, { recursive: true, force: true }),
      ]);
    return tollgateOf(
      await boot(config, { onListening: (listening) => options.onListening?.(tollgateOf(listening)) }),
    );
  }

  async close(): Promise<void> {
    for (const cleanup of this.cleanups) await cleanup();
  }

  /** POSTs JSON (or a ready body) with the key as Bearer; `headers` overrule, `undefined` removes. */
  post(path: string, body: unknown, headers: Record<string, string | undefined> = {}): Promise<Response> {
    return this.request('POST', path, {
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  get(path: string, headers: Record<string, string | undefined> = {}): Promise<Response> {
    return this.request('GET', path, { headers });
  }

  request(
    method: string,
    path: string,
    options: { body?: string | Uint8Array; headers?: Record<string, string | undefined> } = {},
  ): Promise<Response> {
    const headers = new Headers();
    const wanted = { authorization: `Bearer ${this.key}`, ...options.headers };
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) headers.set(name, value);
    return fetch(`${this.origin}${path}`, {
      method,
      headers,
      redirect: 'manual',
      // undici's types know no Uint8Array over a shared buffer; ours is none.
      ...(options.body === undefined ? {} : { body: options.body as string | Uint8Array<ArrayBuffer> }),
    });
  }

  /**
   * Another key, of a new account unless one is named.
   * @param creditHundredths opening credits of the new account
   */
  async newKey(
    overrides: Partial<NewApiKey> = {},
    creditHundredths = 100_000_000n,
  ): Promise<{ secret: string; id: string; accountId: string }> {
    const secret = newApiKeySecret();
    const createdAtMs = Date.now();
    const accountId =
      overrides.accountId ?? (await this.app.get(AccountsService).create('test', creditHundredths)).id;
    const id = newRowId('key');
    await this.app.get(ApiKeyRepository).insert({
      id,
      accountId,
      name: 'test',
      secretSha256: hashSecret(secret),
      displayPrefix: displayPrefix(secret),
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      allowedModels: undefined,
      createdAtMs,
      expiresAtMs: undefined,
      revokedAtMs: undefined,
      ...overrides,
    });
    return { secret, id, accountId };
  }

  /** The durable row of a request, by the `x-request-id` of its answer; whoever owns it. */
  async usageOf(response: Response | string): Promise<UsageRecord | undefined> {
    const requestId = typeof response === 'string' ? response : (response.headers.get('x-request-id') ?? '');
    const row = await this.app
      .get(Database)
      .kysely.selectFrom('usage_records')
      .select('account_id')
      .where('request_id', '=', requestId)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return this.app.get(UsageRepository, { strict: false }).findByRequestId(row.account_id, requestId);
  }

  /** Every durable row so far, oldest first. */
  async allUsage(): Promise<UsageRecord[]> {
    const rows = await this.app
      .get(Database)
      .kysely.selectFrom('usage_records')
      .select(['account_id', 'request_id'])
      .orderBy('created_at_ms')
      .execute();
    const records = await Promise.all(rows.map((row) => this.usageOf(row.request_id)));
    return records.filter((record) => record !== undefined);
  }

  /** Requests that are open or not settled yet. */
  get openRequests(): number {
    return this.app.get(InFlight, { strict: false }).size;
  }
}

/** More models for `catalogueYaml`: `test/two-routes`, first to upstream model `first`, then to `second`. */
export const TWO_ROUTES = `
  - id: test/two-routes
    context_length: 1000
    max_completion_tokens: 100
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes:
      - { upstream: main, model: first, priority: 1 }
      - { upstream: main, model: second, priority: 2 }
`;

/** Prices of Qolaba's published sample: 22 prompt and 495 completion tokens cost 0.0012441 USD, 0.25 credits. */
export function catalogueYaml(baseUrl: string, extraModels = ''): string {
  return `
upstreams:
  main: { protocol: openai, base_url: "${baseUrl}" }
  sandbox: { protocol: sandbox }
models:
  - id: ${MODEL}
    name: Test model
    owned_by: tests
    context_length: 1048576
    max_completion_tokens: 65536
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: main, model: upstream-model } ]
  - id: test/native
    name: Test model with legacy completions
    owned_by: tests
    context_length: 32768
    max_completion_tokens: 4096
    completions: native
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: main, model: upstream-native } ]
${extraModels}`;
}
