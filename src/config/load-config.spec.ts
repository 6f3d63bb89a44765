import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from './config.errors.js';
import { ENVIRONMENT_VARIABLES, type Variables } from './env.parse.js';
import { loadConfig, reloadCatalogue } from './load-config.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const timeouts = (variables: Variables) => load(variables).catalogue.upstreams[0]?.timeouts;
const load = (variables: Variables = {}) => loadConfig(variables, folder);

function faultsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

function writeFile(text: string, name = 'tollgate.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const LOCAL = 'upstreams: { local: { protocol: openai, base_url: "http://127.0.0.1:8000/v1" } }\n';

describe('loadConfig, environment', () => {
  it('needs no variable at all', () => {
    expect(load()).toMatchObject({
      server: {
        host: '127.0.0.1',
        port: 3000,
        maxBodyBytes: 20 * 2 ** 20,
        corsOrigins: ['*'],
        trustedProxyHops: 0,
      },
      stream: { heartbeatMs: 15_000, writeStallMs: 60_000 },
      storage: { dataDir: join(folder, 'data'), databaseUrl: undefined, redisUrl: undefined },
      access: {
        adminKey: undefined,
        bootstrapCreditHundredths: 100_000n,
        defaultRequestsPerMinute: 6_000,
        defaultTokensPerMinute: 10_000_000,
      },
      money: { creditNanoUsd: 5_000_000n },
      configFile: undefined,
    });
  });

  it('reads each kind of value', () => {
    const config = load({
      PORT: ' 0 ',
      CORS_ORIGINS: 'https://a.example, http://localhost:5173',
      CREDIT_USD: '0.01',
      BOOTSTRAP_CREDITS: '12.5',
      DATABASE_URL: 'postgres://u:p@127.0.0.1/tollgate',
      LOG_LEVEL: 'debug',
    });
    expect(config.server.port).toBe(0);
    expect(config.server.corsOrigins).toEqual(['https://a.example', 'http://localhost:5173']);
    expect(config.money.creditNanoUsd).toBe(10_000_000n);
    expect(config.access.bootstrapCreditHundredths).toBe(1_250n);
    expect(config.storage.databaseUrl).toBe('postgres://u:p@127.0.0.1/tollgate');
    expect(config.log.level).toBe('debug');
  });

  it('reads the keys of conversations in their order', () => {
    const [first, older] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map((key) => key.toString('base64'));
    const { conversationKeys } = load({ CONVERSATION_KEYS: `2026-11:${first}, old_1:${older}` }).storage;
    expect(conversationKeys).toEqual([
      { name: '2026-11', secret: first },
      { name: 'old_1', secret: older },
    ]);
  });

  it.each([
    ['no name', 'AAAA'],
    ['a key of 31 bytes', `a:${Buffer.alloc(31).toString('base64')}`],
    ['no base64', `a:${'!'.repeat(43)}=`],
    ['a name with a space', `a b:${Buffer.alloc(32).toString('base64')}`],
    [
      'a name twice',
      `a:${Buffer.alloc(32, 1).toString('base64')},a:${Buffer.alloc(32, 2).toString('base64')}`,
    ],
    ['a key twice', `a:${Buffer.alloc(32).toString('base64')},b:${Buffer.alloc(32).toString('base64')}`],
    ['an empty part', `a:${Buffer.alloc(32).toString('base64')},`],
  ])('refuses keys of conversations with %s, and does not print them', (_what, value) => {
    const faults = faultsOf(() => load({ CONVERSATION_KEYS: value, PORT: 'x' }));
    expect(faults).toHaveLength(2);
    expect(faults.join()).toContain('CONVERSATION_KEYS must be keys such as');
    expect(faults.join()).not.toContain(value);
  });

  it('takes an empty or blank value for unset', () => {
    expect(load(Object.fromEntries(ENVIRONMENT_VARIABLES.map((name) => [name, ' '])))).toEqual(load());
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['PORT', '-1'],
    ['MAX_BODY_BYTES', '20MB'],
    ['DRAIN_TIMEOUT_MS', '2147483648'],
    ['DEFAULT_RPM', '0'],
    ['CREDIT_USD', '0'],
    ['CREDIT_USD', '5e-3'],
    ['BOOTSTRAP_CREDITS', '-5'],
    ['BOOTSTRAP_CREDITS', '1.005'],
    ['CORS_ORIGINS', 'app.example.com'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['CORS_ORIGINS', ','],
    ['DATABASE_URL', 'mysql://127.0.0.1/x'],
    ['REDIS_URL', '127.0.0.1:6379'],
    ['LOG_LEVEL', 'loud'],
    ['ADMIN_KEY', 'two words'],
    ['OPENAI_API_KEY', 'sk-ключ'],
    ['OLLAMA_BASE_URL', 'localhost:11434'],
    ['OPENAI_BASE_URL', 'https://user:secret@api.example.com/v1'],
  ])('refuses a bad %s by its name (%s)', (name, value) => {
    const [fault, ...others] = faultsOf(() => load({ [name]: value }));
    expect(others).toEqual([]);
    expect(fault).toMatch(new RegExp(`^${name} must `));
  });

  it('never prints a value: it may be a secret in the wrong place', () => {
    const everywhere = Object.fromEntries(ENVIRONMENT_VARIABLES.map((name) => [name, 'hunter2 hunter2']));
    const faults = faultsOf(() => load(everywhere));
    expect(faults.length).toBeGreaterThan(40);
    // The file's own name is shown: without it nobody could tell which file is missing.
    expect(faults.filter((fault) => fault.includes('hunter2'))).toEqual([
      `${join(folder, 'hunter2 hunter2')} cannot be read (ENOENT)`,
    ]);
  });

  it('names all faults of variables and file in one message', () => {
    writeFile('upstreams: { a: { protocol: smoke } }\nmodel: []\n');
    const faults = faultsOf(() => load({ PORT: 'x', CREDIT_USD: 'y', OLLAMA_BASE_URL: 'z' }));
    expect(faults).toHaveLength(5);
    expect(new ConfigError(faults).message.split('\n')).toHaveLength(6);
  });

  it('is frozen all the way down', () => {
    const config = load();
    expect(() => Object.assign(config.server, { port: 1 })).toThrow(TypeError);
    expect(() => (config.catalogue.models as unknown[]).push({})).toThrow(TypeError);
    expect(Object.isFrozen(config.catalogue.upstreams[0]?.timeouts)).toBe(true);
  });

  it('refuses one secret for both the admin and an ordinary key', () => {
    expect(faultsOf(() => load({ ADMIN_KEY: 'same', BOOTSTRAP_API_KEY: 'same' }))).toEqual([
      'ADMIN_KEY must differ from BOOTSTRAP_API_KEY',
    ]);
  });

  it('wants a secret with a webhook, and a webhook with its settings', () => {
    expect(faultsOf(() => load({ WEBHOOK_URL: 'http://127.0.0.1:9/hook' }))).toEqual([
      'WEBHOOK_URL needs WEBHOOK_SECRET',
    ]);
    expect(faultsOf(() => load({ WEBHOOK_SECRET: 's', LOW_BALANCE_CREDITS: '1' }))).toEqual([
      'WEBHOOK_SECRET needs WEBHOOK_URL',
      'LOW_BALANCE_CREDITS needs WEBHOOK_URL',
    ]);
    const WEBHOOK_URL = 'https://u.example/hook?token=t';
    expect(faultsOf(() => load({ WEBHOOK_URL, WEBHOOK_SECRET: 'whsec_not-base64' }))).toEqual([
      'WEBHOOK_SECRET must be base64 after whsec_',
    ]);
    expect(load({ WEBHOOK_URL, WEBHOOK_SECRET: 'whsec_AbC/+w==' }).webhooks?.secret).toBe('whsec_AbC/+w==');
    expect(load({ WEBHOOK_URL, WEBHOOK_SECRET: 's', LOW_BALANCE_CREDITS: '2.5' }).webhooks).toEqual({
      url: WEBHOOK_URL,
      secret: 's',
      lowBalanceHundredths: 250n,
    });
    expect(load().webhooks).toBeUndefined();
  });

  it('is documented: .env.example and docs/configuration.md name exactly the variables of the schema', () => {
    const example = readFileSync('.env.example', 'utf8');
    const names = [...example.matchAll(/^([A-Z][A-Z0-9_]*)=$/gm)].map((match) => match[1]);
    expect(names.toSorted()).toEqual([...ENVIRONMENT_VARIABLES].toSorted());
    const documented = readFileSync('docs/configuration.md', 'utf8');
    const rows = documented.split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map((match) => match[1]),
    );
    expect(named.toSorted()).toEqual([...ENVIRONMENT_VARIABLES].toSorted());
  });
});

describe('loadConfig, upstreams without a file', () => {
  it('has the sandbox and its priced models, always', () => {
    const { upstreams, models } = load().catalogue;
    expect(upstreams.map(({ name, protocol, discover }) => [name, protocol, discover])).toEqual([
      ['sandbox', 'sandbox', false],
    ]);
    expect(models).toHaveLength(15);
    expect(models[0]).toMatchObject({
      id: 'sandbox/chat',
      ownedBy: 'tollgate',
      completions: 'native',
      pricing: { prompt: '0.00000015', completion: '0.0000006' },
      routes: [{ upstream: 'sandbox', model: 'chat' }],
    });
  });

  it.each([
    ['OPENAI_API_KEY', 'openai', 'openai', 'https://api.openai.com/v1'],
    ['ANTHROPIC_API_KEY', 'anthropic', 'anthropic', undefined],
    ['GEMINI_API_KEY', 'google', 'google', undefined],
    ['OPENROUTER_API_KEY', 'openrouter', 'openai', 'https://openrouter.ai/api/v1'],
    ['GROQ_API_KEY', 'groq', 'openai', 'https://api.groq.com/openai/v1'],
    ['MISTRAL_API_KEY', 'mistral', 'openai', 'https://api.mistral.ai/v1'],
    ['DEEPSEEK_API_KEY', 'deepseek', 'openai', 'https://api.deepseek.com/v1'],
    ['TOGETHER_API_KEY', 'together', 'openai', 'https://api.together.xyz/v1'],
    ['XAI_API_KEY', 'xai', 'openai', 'https://api.x.ai/v1'],
  ])('%s alone turns %s on', (variable, name, protocol, baseUrl) => {
    const [, upstream] = load({ [variable]: 'k-1' }).catalogue.upstreams;
    expect(upstream).toMatchObject({ name, protocol, baseUrl, apiKey: 'k-1', discover: true });
  });

  it.each([
    ['http://127.0.0.1:11434', 'http://127.0.0.1:11434/v1'],
    ['http://127.0.0.1:11434/', 'http://127.0.0.1:11434/v1'],
    ['http://127.0.0.1:11434/v1', 'http://127.0.0.1:11434/v1'],
    ['http://127.0.0.1:11434/v1/', 'http://127.0.0.1:11434/v1'],
  ])('OLLAMA_BASE_URL=%s is one line, and free in writing', (value, baseUrl) => {
    expect(load({ OLLAMA_BASE_URL: value }).catalogue.upstreams[1]).toMatchObject({
      name: 'ollama',
      baseUrl,
      discoveredPricing: { prompt: '0', completion: '0' },
    });
  });

  it('UPSTREAM_BASE_URL takes any address, with key and price beside it', () => {
    const variables = {
      UPSTREAM_BASE_URL: 'http://10.0.0.7:8000/v1/',
      UPSTREAM_API_KEY: 'k-1',
      UPSTREAM_PRICING: '0.0000003, 0.0000025',
    };
    expect(load(variables).catalogue.upstreams[1]).toMatchObject({
      name: 'local',
      baseUrl: 'http://10.0.0.7:8000/v1',
      apiKey: 'k-1',
      discoveredPricing: { prompt: '0.0000003', completion: '0.0000025' },
    });
  });

  it.each(['1', '1,2,3,4', '-1,0', 'free', '0.3,2.5'])('refuses UPSTREAM_PRICING=%s', (UPSTREAM_PRICING) => {
    const variables = { UPSTREAM_BASE_URL: 'http://10.0.0.7:8000/v1', UPSTREAM_PRICING };
    expect(faultsOf(() => load(variables))).toEqual([expect.stringMatching(/^UPSTREAM_PRICING must /)]);
  });

  it('refuses a key or price of an address that is not given', () => {
    expect(faultsOf(() => load({ UPSTREAM_API_KEY: 'k', UPSTREAM_PRICING: '0,0' }))).toHaveLength(2);
  });

  it('holds a stream’s status line for longer than any upstream may take, unless told otherwise', () => {
    expect(load({ UPSTREAM_TIMEOUT_MS: '60000' }).stream.headersHoldMs).toBe(70_000);
    expect(load({ HEADERS_HOLD_MS: '500' }).stream.headersHoldMs).toBe(500);
    const file = LOCAL.replace(' } }', ', timeouts: { total_ms: 300000 } } }');
    writeFile(file + 'models: []\n');
    expect(load().stream.headersHoldMs).toBe(310_000);
  });

  it('gives upstreams the timeouts of the environment; the first token may take the total', () => {
    expect(timeouts({})).toEqual({
      connectMs: 5_000,
      firstTokenMs: 180_000,
      betweenChunksMs: 120_000,
      totalMs: 180_000,
    });
    expect(timeouts({ UPSTREAM_TIMEOUT_MS: '9000' })).toMatchObject({ totalMs: 9_000, firstTokenMs: 9_000 });
    expect(timeouts({ UPSTREAM_FIRST_TOKEN_TIMEOUT_MS: '700' })).toMatchObject({ firstTokenMs: 700 });
  });
});

describe('loadConfig, file', () => {
  it('takes ./tollgate.yaml when it is there, and nothing then from vendor variables', () => {
    const path = writeFile(LOCAL);
    const config = load({ OPENAI_API_KEY: 'k-1' });
    expect(config.configFile).toBe(path);
    expect(config.catalogue.upstreams.map(({ name }) => name)).toEqual(['local']);
  });

  it('takes CONFIG_FILE, relative to the working directory', () => {
    const path = writeFile(LOCAL, 'other.yaml');
    expect(load({ CONFIG_FILE: 'other.yaml' }).configFile).toBe(path);
  });

  it('refuses a CONFIG_FILE that is not there', () => {
    expect(faultsOf(() => load({ CONFIG_FILE: 'gone.yaml' }))).toEqual([
      `${join(folder, 'gone.yaml')} cannot be read (ENOENT)`,
    ]);
  });

  it('reads the published example', () => {
    writeFile(readFileSync('tollgate.example.yaml', 'utf8'));
    const { upstreams, models } = load({ OPENAI_API_KEY: 'k-1', OPENROUTER_API_KEY: 'k-2' }).catalogue;
    expect(upstreams.map(({ name, discover }) => [name, discover])).toEqual([
      ['main', false],
      ['spare', false],
      ['local', true],
      ['sandbox', false],
    ]);
    expect(models.map(({ id }) => id).slice(0, 3)).toEqual([
      'openai/gpt-4o-mini',
      'google/gemini-2.5-flash',
      'sandbox/chat',
    ]);
  });
});

describe('reloadCatalogue', () => {
  it('reads the file again', () => {
    writeFile(LOCAL);
    const config = load();
    writeFile(LOCAL.replace('local', 'other'));
    expect(reloadCatalogue(config, {}).upstreams[0]?.name).toBe('other');
    expect(config.catalogue.upstreams[0]?.name).toBe('local');
  });

  it('P9: refuses a bad file and leaves the old catalogue as it was', () => {
    writeFile(LOCAL);
    const config = load();
    const before = structuredClone(config.catalogue);
    writeFile(
      `${LOCAL}models: [{ id: m, pricing: { prompt: "-1", completion: "0" }, routes: [{ upstream: nobody, model: m }] }]`,
    );
    expect(faultsOf(() => reloadCatalogue(config, {}))).toHaveLength(2);
    expect(config.catalogue).toEqual(before);
  });

  it('P9: refuses a file that has gone', () => {
    const path = writeFile(LOCAL);
    const config = load();
    rmSync(path);
    expect(faultsOf(() => reloadCatalogue(config, {}))).toEqual([`${path} cannot be read (ENOENT)`]);
  });
});
