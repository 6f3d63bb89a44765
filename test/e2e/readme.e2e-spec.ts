import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SANDBOX_UPSTREAM_MODELS } from '../../src/upstreams/providers/sandbox/sandbox.models.js';
import { ADMIN_KEY, Tollgate } from '../support/tollgate.js';

const run = promisify(execFile);
const PAGES = ['README.md', ...pagesOf('docs'), ...pagesOf('docs/adr')];
const BASES = ['/v1', '/api/v1', '/api/public/v1/openai'];
const ORIGIN = 'http://127.0.0.1:3000';

const readme = readFileSync('README.md', 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    (match) => match[1] ?? '',
  );

describe('the snippets of the README work as they are written', () => {
  let tollgate: Tollgate;
  let folder: string;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    // Inside node_modules, so that the snippets find the packages that they name.
    const cache = resolve('node_modules/.cache');
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(join(cache, 'readme-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await tollgate.close();
  });

  const at = (base: string, snippet: string): string =>
    snippet.replaceAll(`${ORIGIN}/v1`, `${tollgate.origin}${base}`);

  const environment = () => ({ ...process.env, NODE_OPTIONS: '', TOLLGATE_KEY: tollgate.key });

  const scripts = blocks('js').map((code) => ({ code, client: /from '([^']+)'/.exec(code)?.[1] ?? '' }));

  it('shows three clients for JavaScript', () => {
    expect(scripts.map(({ client }) => client)).toEqual([
      'openai',
      '@ai-sdk/openai-compatible',
      '@langchain/openai',
    ]);
  });

  it.each(scripts)('$client, with each base URL', async ({ code, client }) => {
    const said = await Promise.all(
      BASES.map(async (base) => {
        const file = join(folder, `${client.replaceAll(/\W/g, '-')}${base.replaceAll('/', '-')}.mjs`);
        await writeFile(file, at(base, code));
        return (await run(process.execPath, [file], { env: environment() })).stdout;
      }),
    );
    for (const text of said) expect(text).toContain('This is the first turn of our conversation.');
  });

  it('curl, with each base URL', async () => {
    const command = blocks('sh').find((code) => code.includes('curl http://127.0.0.1:3000/v1/')) ?? '';
    for (const base of BASES) {
      const { stdout } = await run('sh', ['-c', at(base, command)], { env: environment() });
      expect(JSON.parse(stdout)).toMatchObject({ object: 'chat.completion', model: 'sandbox/chat' });
    }
  });

  it('curl to the admin API: an account, its credits, and a key that works', async () => {
    const commands = blocks('sh').find((code) => code.includes('/admin/v1/')) ?? '';
    const answers: Record<string, unknown>[] = [];
    for (const command of commands.split('\n\n')) {
      const account = String(answers[0]?.['id']);
      const text = command.replaceAll(ORIGIN, tollgate.origin).replaceAll('acct_…', account);
      const { stdout } = await run('sh', ['-c', text], { env: { ...environment(), ADMIN_KEY } });
      answers.push(JSON.parse(stdout) as Record<string, unknown>);
    }
    expect(answers).toMatchObject([
      { object: 'account', name: 'Ada' },
      { object: 'account', available: 500 },
      { object: 'api_key', rpm: 60, budget: 100, budget_period: 'month' },
    ]);
    const response = await tollgate.get('/v1/credits', {
      authorization: `Bearer ${String(answers[2]?.['key'])}`,
    });
    expect(await response.json()).toMatchObject({ available: 500 });
  });
});

describe('the documentation', () => {
  it.each(PAGES)('%s links to nothing that is not there', (page) => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(
      (match) => match[1] ?? '',
    );
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it.each(['README.md', 'docs/sandbox.md'])('%s names every sandbox model', (page) => {
    const named = new Set(readFileSync(page, 'utf8').match(/sandbox\/[a-z0-9-]+/g));
    const missing = SANDBOX_UPSTREAM_MODELS.filter((id) => !named.has(`sandbox/${id}`));
    expect(missing).toEqual([]);
  });

  it('docs/architecture.md names every folder of the house', () => {
    const page = readFileSync('docs/architecture.md', 'utf8');
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).filter((name) => !page.includes(`\`${name}/\``))).toEqual([]);
  });

  it('README.md names only variables that there are', () => {
    const reference = readFileSync('docs/configuration.md', 'utf8');
    const named = [...readme.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`/g)].map(
      (match) => match[1] ?? '',
    );
    const known = (name: string): boolean =>
      reference.includes(`\`${name}`) || /^(TEST_|TOLLGATE_KEY)/.test(name);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known(name))).toEqual([]);
  });
});

function pagesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
