import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { FakeUpstream } from '../support/fake-upstream.js';
import {
  type ExpensiveBody,
  expensiveBodies,
  expensiveChats,
  expensiveItems,
  expensiveKeys,
  expensivePrompts,
  expensiveSettings,
  expensiveTurns,
  LARGE,
  MEBIBYTE,
} from '../support/expensive-bodies.js';
import { type Cost, MeasuredGateway } from '../support/measured-gateway.js';
import { catalogueYaml, MODEL } from '../support/tollgate.js';

/** The rule: no body blocks the event loop for longer, whoever sends it … */
const MAX_BLOCK_MS = 50;
const MAX_BLOCK_OF_LARGE_MS = 250;
/** … or takes more memory than this and so many times itself. */
const MAX_MEMORY_BYTES = 64 * MEBIBYTE;
const MAX_MEMORY_OF_BODY = 8;

/** What `fixedWorkMs` takes on the machine for which the rule was written. A slower one gets as much more time. */
const FIXED_WORK_MS = 25;
/** What only once took too long or too much was the collector or a neighbour: it counts what a body costs each time. */
const ATTEMPTS = 3;

const ADMIN_KEY = 'admin-key-of-the-ring';
const NAMES = process.env['BODIES_OF'];

interface Route {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly bodies: readonly ExpensiveBody[];
  readonly admin?: boolean;
}

interface Figure extends Cost {
  readonly route: string;
  readonly body: string;
  readonly bytes: number;
  readonly status: number;
}

function limitsOf(bytes: number): { blockMs: number; memoryBytes: number } {
  const share = Math.min(1, bytes / LARGE);
  return {
    blockMs: MAX_BLOCK_MS + share * (MAX_BLOCK_OF_LARGE_MS - MAX_BLOCK_MS),
    memoryBytes: MAX_MEMORY_BYTES + MAX_MEMORY_OF_BODY * bytes,
  };
}

const told = ({ route, body, status, bytes, blockMs, wallMs, memoryBytes }: Figure): string =>
  `${route}: ${body} (${(bytes / MEBIBYTE).toFixed(2)} MiB, ${status}): ` +
  `${blockMs.toFixed(0)} ms without a turn (${wallMs.toFixed(0)} on the clock), ${(memoryBytes / MEBIBYTE).toFixed(0)} MiB`;

describe('the cost of bodies', () => {
  const figures: Figure[] = [];
  let upstream: FakeUpstream;
  let folder: string;
  let gateway: MeasuredGateway;
  let key: string;
  const ids = { account: '', key: '', chatbot: '', conversation: '', completion: '' };

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    folder = await mkdtemp(join(tmpdir(), 'tollgate-bodies-'));
    const file = join(folder, 'tollgate.yaml');
    await writeFile(file, catalogueYaml(upstream.baseUrl));
    gateway = await MeasuredGateway.start({
      CONFIG_FILE: file,
      DATA_DIR: join(folder, 'data'),
      ADMIN_KEY,
      DEFAULT_RPM: '1000000',
      DEFAULT_TPM: '2000000000',
    });
    await prepare();
  });
  afterAll(async () => {
    await gateway?.stop();
    await upstream?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    const largest = (of: (figure: Figure) => number): Figure | undefined =>
      figures.toSorted((a, b) => of(b) - of(a))[0];
    const block = largest(({ blockMs }) => blockMs);
    const memory = largest(({ memoryBytes }) => memoryBytes);
    if (block === undefined || memory === undefined) return;
    process.stdout.write(`Over all ${figures.length} bodies:\n`);
    process.stdout.write(`  largest block  ${told(block)}\n  largest memory ${told(memory)}\n`);
  });

  async function ask(path: string, body: unknown): Promise<Record<string, string>> {
    const reply = await request(`${gateway.origin}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${path.startsWith('/admin') ? ADMIN_KEY : key}` },
      body: JSON.stringify(body),
    });
    const answer = (await reply.body.json()) as Record<string, string>;
    if (reply.statusCode !== 200) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async function prepare(): Promise<void> {
    ids.account = (await ask('/admin/v1/accounts', { name: 'ring' }))['id']!;
    await ask(`/admin/v1/accounts/${ids.account}/credits`, { amount: 100_000_000 });
    const made = await ask('/admin/v1/keys', {
      account_id: ids.account,
      name: 'ring',
      rpm: 1_000_000,
      tpm: 2_000_000_000,
      manage_chatbots: true,
      read_conversations: true,
    });
    ids.key = (await ask('/admin/v1/keys', { account_id: ids.account, name: 'other' }))['id']!;
    key = made['key']!;
    ids.chatbot = (await ask('/v1/chatbots', { name: 'bot', model: MODEL }))['id']!;
    ids.conversation = (await ask('/v1/conversations', {}))['id']!;
    ids.completion = (
      await ask('/v1/chat/completions', {
        model: MODEL,
        store: true,
        messages: [{ role: 'user', content: 'hi' }],
      })
    )['id']!;
    await gateway.costOf(() =>
      send({ method: 'POST', path: '/v1/conversations', bodies: [] }, Buffer.from('{}')),
    );
  }

  async function send(route: Route, bytes: Buffer, encoding?: string): Promise<number> {
    const reply = await request(`${gateway.origin}${route.path}`, {
      method: route.method,
      headers: {
        authorization: `Bearer ${route.admin === true ? ADMIN_KEY : key}`,
        'content-type': 'application/json',
        ...(encoding !== undefined && { 'content-encoding': encoding }),
      },
      body: bytes,
    });
    await reply.body.dump({ limit: Infinity });
    return reply.statusCode;
  }

  async function measured(route: Route, body: ExpensiveBody, factor: number): Promise<Figure> {
    const bytes = body.bytes();
    const limits = limitsOf(bytes.length);
    let least: Figure | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      let status = 0;
      const cost = await gateway.costOf(async () => {
        status = await send(route, bytes, body.encoding);
      });
      least = {
        route: `${route.method} ${route.path.replaceAll(/\/[a-z]+_[^/]{8,}/gi, '/:id')}`,
        body: body.name,
        bytes: bytes.length,
        status,
        blockMs: Math.min(cost.blockMs / factor, least?.blockMs ?? Infinity),
        wallMs: Math.min(cost.wallMs, least?.wallMs ?? Infinity),
        memoryBytes: Math.min(cost.memoryBytes, least?.memoryBytes ?? Infinity),
      };
      if (least.blockMs <= limits.blockMs && least.memoryBytes <= limits.memoryBytes) break;
    }
    return least!;
  }

  /** Sends every body; prints what they cost at most. @returns those that cost too much */
  async function broken(route: Route): Promise<string[]> {
    const factor = Math.max(1, (await gateway.fixedWorkMs()) / FIXED_WORK_MS);
    const own: Figure[] = [];
    for (const body of route.bodies) {
      if (NAMES !== undefined && !new RegExp(NAMES).test(body.name)) continue;
      own.push(await measured(route, body, factor));
    }
    figures.push(...own);
    const block = own.toSorted((a, b) => b.blockMs - a.blockMs)[0];
    const memory = own.toSorted((a, b) => b.memoryBytes - a.memoryBytes)[0];
    if (block !== undefined && memory !== undefined) {
      process.stdout.write(
        `${own.length} bodies (machine × ${factor.toFixed(2)})\n  block  ${told(block)}\n  memory ${told(memory)}\n`,
      );
    }
    return own
      .filter(({ bytes, blockMs, memoryBytes }) => {
        const limits = limitsOf(bytes);
        return blockMs > limits.blockMs || memoryBytes > limits.memoryBytes;
      })
      .map(told);
  }

  const chat = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] };
  const prompt = { model: MODEL, prompt: 'hi' };
  const bot = { name: 'bot', model: MODEL };

  it.each([
    ['/v1/chat/completions', chat, 'all' as const],
    ['/api/v1/chat/completions', chat, 'core' as const],
    ['/api/public/v1/openai/chat/completions', chat, 'core' as const],
    ['/v1/completions', prompt, 'all' as const],
    ['/api/v1/completions', prompt, 'core' as const],
    ['/api/public/v1/openai/completions', prompt, 'core' as const],
    ['/v1/conversations', {}, 'core' as const],
    ['/v1/conversations/:conversation', { metadata: {} }, 'core' as const],
    ['/v1/conversations/:conversation/items', { items: [{ role: 'user', content: 'hi' }] }, 'all' as const],
    ['/v1/chat/completions/:completion', { metadata: {} }, 'core' as const],
    ['/v1/chatbots', bot, 'all' as const],
    ['/api/v1/chatbots', bot, 'core' as const],
    ['/api/public/v1/openai/chatbots', bot, 'core' as const],
    ['PATCH /v1/chatbots/:chatbot', { name: 'bot' }, 'core' as const],
    ['/v1/chatbots/:chatbot/publish', {}, 'core' as const],
    ['/v1/chatbots/:chatbot/versions/1/restore', {}, 'core' as const],
    ['/v1/chatbots/:chatbot/unpublish', {}, 'core' as const],
    ['DELETE /v1/chatbots/:chatbot', { revision: 9_999 }, 'core' as const],
    ['/admin/v1/accounts', { name: 'a' }, 'all' as const],
    ['PATCH /admin/v1/accounts/:account', { name: 'a' }, 'core' as const],
    ['/admin/v1/accounts/:account/credits', { amount: 1 }, 'core' as const],
    ['/admin/v1/keys', { name: 'a', account_id: 'acct_x' }, 'core' as const],
    ['PATCH /admin/v1/keys/:key', { name: 'a' }, 'core' as const],
    ['/admin/v1/keys/:key/rotate', {}, 'core' as const],
    ['/admin/v1/chatbots', bot, 'core' as const],
    ['PATCH /admin/v1/chatbots/:chatbot', { name: 'bot' }, 'core' as const],
  ])('no JSON blocks %s', async (target, base, which) => {
    expect(await broken({ ...routeOf(target), bodies: expensiveBodies(base, which) })).toEqual([]);
  });

  it.each([
    ['/v1/chat/completions', MODEL],
    ['/api/v1/chat/completions', 'sandbox/chat'],
    ['/api/public/v1/openai/chat/completions', MODEL],
  ])('no request blocks %s with %s', async (target, model) => {
    expect(await broken({ ...routeOf(target), bodies: expensiveChats({ model }) })).toEqual([]);
  });

  it('no request blocks a chatbot', async () => {
    const { published } = { published: (await ask('/v1/chatbots', bot))['id']! };
    const bodies = [...expensiveChats({ model: published }), ...expensiveTurns({ model: published })];
    expect(await broken({ ...routeOf('/v1/chat/completions'), bodies })).toEqual([]);
  });

  it.each([
    ['/v1/completions', MODEL],
    ['/v1/completions', 'test/native'],
    ['/api/v1/completions', 'sandbox/chat'],
  ])('no request blocks %s with %s', async (target, model) => {
    expect(await broken({ ...routeOf(target), bodies: expensivePrompts({ model }) })).toEqual([]);
  });

  it.each(['/v1/conversations', '/v1/conversations/:conversation/items'])(
    'no items block %s',
    async (target) => {
      expect(await broken({ ...routeOf(target), bodies: expensiveItems() })).toEqual([]);
    },
  );

  it.each([
    ['/v1/chatbots', bot],
    ['PATCH /v1/chatbots/:chatbot', {}],
    ['PATCH /admin/v1/chatbots/:chatbot', {}],
  ])('no settings block %s', async (target, base) => {
    expect(await broken({ ...routeOf(target), bodies: expensiveSettings(base) })).toEqual([]);
  });

  it.each([
    ['/admin/v1/keys', { name: 'a', account_id: 'acct_x' }],
    ['PATCH /admin/v1/keys/:key', {}],
  ])('no lists block %s', async (target, base) => {
    expect(await broken({ ...routeOf(target), bodies: expensiveKeys(base) })).toEqual([]);
  });

  function routeOf(target: string): Omit<Route, 'bodies'> {
    const [, method = 'POST', path = ''] = /^(?:(PATCH|DELETE) )?(.*)$/.exec(target) ?? [];
    return {
      method: method as Route['method'],
      path: path.replaceAll(/:(\w+)/g, (_, name: keyof typeof ids) => ids[name]),
      admin: path.startsWith('/admin'),
    };
  }
});
