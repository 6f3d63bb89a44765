import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli, type CliResult } from '../../src/cli/run-cli.js';
import { loadCliConfig } from '../../src/config/cli-config.js';
import { Database } from '../../src/persistence/database.js';
import { ADMIN_KEY, Tollgate } from '../support/tollgate.js';
import { closedPort } from '../support/webhook-receiver.js';

const LOADER = new URL('../db/fixtures/run-typescript.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Where neither server nor key is asked for. */
const nobody = (words: string[]) =>
  runCli(words, () => {
    throw new Error('not asked');
  });

/** The tool as a process of its own, with nothing but these variables. */
const run = (env: Record<string, string>, ...words: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      ['--no-warnings', '--import', LOADER, MAIN, ...words],
      { env },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });

describe('npm run cli', () => {
  let tollgate: Tollgate;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
  });
  afterAll(() => tollgate.close());

  const cli = (line: string, variables: Record<string, string> = {}): Promise<CliResult> =>
    runCli(line.split(' '), () => loadCliConfig({ ADMIN_KEY, TOLLGATE_URL: tollgate.origin, ...variables }));

  /** The answer of a command that has to work. */
  async function json<T = Record<string, unknown>>(line: string): Promise<T> {
    const { exitCode, stdout, stderr } = await cli(`${line} --json`);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return JSON.parse(stdout) as T;
  }

  const newAccount = async (): Promise<string> =>
    (await json<{ id: string }>('accounts create --name team')).id;

  const chat = (secret: string): Promise<Response> =>
    tollgate.post(
      '/v1/chat/completions',
      { model: 'sandbox/chat', messages: [{ role: 'user', content: 'hi' }] },
      { authorization: `Bearer ${secret}` },
    );

  it('changes accounts and keys: what is named, nothing else, and not what somebody changed meanwhile', async () => {
    const id = await newAccount();
    expect(await json(`accounts change ${id} --status suspended`)).toMatchObject({
      name: 'team',
      status: 'suspended',
    });
    await json(`accounts change ${id} --status active`);
    const key = await json<{ id: string; version: number }>(
      `keys create --account ${id} --rpm 60 --tpm 9000`,
    );
    expect(await json(`keys change ${key.id} --rpm 5 --clear tpm --version ${key.version}`)).toMatchObject({
      rpm: 5,
      tpm: null,
    });
    const late = await cli(`keys change ${key.id} --rpm 6 --version ${key.version}`);
    expect(late.exitCode).toBe(1);
    expect(await json(`keys show ${key.id}`)).toMatchObject({ rpm: 5 });
  });

  it('makes an account with credits and a key that works, and tells what became of it', async () => {
    const id = await newAccount();
    expect(await json(`credits add ${id} --amount 10.25 --reason opening`)).toMatchObject({
      id,
      balance: 10.25,
    });
    expect(await json(`credits add ${id} --amount=-0.25`)).toMatchObject({ balance: 10 });
    expect(await json(`credits add ${id} --amount -2`)).toMatchObject({ balance: 8 });
    await json(`credits add ${id} --amount 2 --type correction`);
    const key = await json<{ id: string; key: string }>(
      `keys create --account ${id} --name ci --rpm 60 --tpm 9000 --models sandbox/chat,sandbox/echo --budget 5 --budget-period month --expires 2090-01-31 --allowed-ips 127.0.0.1,10.0.0.0/8 --max-concurrency 3`,
    );
    expect(await json(`keys show ${key.id}`)).toMatchObject({
      account_id: id,
      name: 'ci',
      rpm: 60,
      tpm: 9_000,
      models: ['sandbox/chat', 'sandbox/echo'],
      budget: 5,
      budget_period: 'month',
      expires_at: Date.UTC(2090, 0, 31) / 1000,
      allowed_ips: ['127.0.0.1', '10.0.0.0/8'],
      max_concurrency: 3,
    });
    const response = await chat(key.key);
    expect(response.status).toBe(200);
    const requestId = response.headers.get('x-request-id') ?? '';

    expect(await json(`requests show ${requestId}`)).toMatchObject({ id: requestId, outcome: 'completed' });
    const ledger = await json<{ data: { type: string }[] }>(`ledger list --account ${id}`);
    expect(ledger.data.map(({ type }) => type)).toEqual([
      'settlement',
      'correction',
      'correction',
      'correction',
      'purchase',
    ]);
    expect(await json(`ledger list --key ${key.id} --request ${requestId}`)).toMatchObject({
      data: [{ type: 'settlement', request_id: requestId }],
    });
    for (const [group, field] of [
      ['day', 'day'],
      ['model', 'model'],
      ['key', 'key_id'],
    ]) {
      expect(await json(`usage --account ${id} --from 2020-01-01 --group-by ${group}`)).toMatchObject({
        data: [{ requests: 1, [field ?? '']: expect.any(String) }],
      });
    }
    expect(await json('ledger verify')).toMatchObject({ ok: true });
  });

  it('rotates and revokes keys', async () => {
    const key = await json<{ id: string; key: string }>(`keys create --account ${await newAccount()}`);
    const rotated = await json<{ key: string }>(`keys rotate ${key.id} --overlap-seconds 60`);
    expect(rotated.key).not.toBe(key.key);
    // Both secrets are known: neither is refused for what it is, but for the empty account.
    expect([(await chat(key.key)).status, (await chat(rotated.key)).status]).toEqual([429, 429]);
    expect(await json(`keys revoke ${key.id}`)).toMatchObject({ status: 'revoked' });
    expect((await chat(rotated.key)).status).toBe(401);
  });

  it('adds credits once for one idempotency key', async () => {
    const id = await newAccount();
    await json(`credits add ${id} --amount 5 --idempotency-key invoice-1`);
    expect(await json(`credits add ${id} --amount 5 --idempotency-key invoice-1`)).toMatchObject({
      balance: 5,
    });
  });

  it('prints tables that people can read, page by page', async () => {
    const id = await newAccount();
    for (let i = 0; i < 3; i++) await json(`keys create --account ${id} --name k${i} --rpm ${10 ** i}`);
    const first = await cli(`keys list --account ${id} --limit 2`);
    const [head, ...rows] = first.stdout.split('\n');
    expect(head).toMatch(/^id +account_id +name +prefix +status +rpm +tpm +budget +budget_spent$/);
    expect(rows[0]).toMatch(new RegExp(`^key_\\w+ +${id} +k2 +\\S+ +active +100 +- +- +0$`));
    // Numbers stand under each other.
    expect(rows[1]?.indexOf(' 10 ')).toBe((rows[0]?.indexOf(' 100 ') ?? 0) + 1);
    const cursor = /More: --cursor (\S+)/.exec(first.stdout)?.[1];
    const second = await cli(`keys list --account ${id} --limit 2 --cursor ${cursor}`);
    expect(second.stdout).toMatch(/ k0 /);
    expect(second.stdout).not.toMatch(/More:/);
    expect((await cli('ledger list --account acct_none')).stdout).toBe('None.\n');
  });

  it('prints a record a field a line, a new secret apart and once', async () => {
    const created = await cli(`keys create --account ${await newAccount()}`);
    const secret = /Secret \(shown this once\):\n\n {2}(\S+)\n/.exec(created.stdout)?.[1] ?? '';
    expect(created.stdout.split(secret)).toHaveLength(2);
    const id = /^id +(\S+)$/m.exec(created.stdout)?.[1] ?? '';
    const shown = await cli(`keys show ${id}`);
    expect(shown.stdout).toMatch(/^created +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
    expect(shown.stdout).not.toContain(secret);
  });

  it('tells the story of a request for people', async () => {
    const requestId = (await chat(tollgate.key)).headers.get('x-request-id') ?? '';
    const { stdout } = await cli(`requests show ${requestId}`);
    expect(stdout).toMatch(/^usage\.prompt_tokens +\d+$/m);
    expect(stdout).toMatch(/^hold\.state +settled$/m);
    expect(stdout).toMatch(/^ledger\n.*type.*amount/m);
  });

  it('ends with 1 where the ledger differs, and says where', async () => {
    const id = await newAccount();
    await json(`credits add ${id} --amount 5`);
    const change = (by: bigint) =>
      tollgate.app
        .get(Database)
        .kysely.updateTable('account_balances')
        .set({ balance_hundredths: 500n + by })
        .where('account_id', '=', id)
        .execute();
    await change(1n);
    const { exitCode, stdout } = await cli('ledger verify');
    await change(0n);
    expect(exitCode).toBe(1);
    expect(stdout).toContain(id);
    expect(await cli('ledger verify')).toMatchObject({
      exitCode: 0,
      stdout: 'The ledger is right: every sum agrees.\n',
    });
  });

  it.each([
    ['keys show key_none', 'There is no such API key'],
    ['accounts show acct_none', 'There is no such account'],
    ['requests show req_none', 'There is no such request'],
    ['keys create --account acct_none', 'There is no such account'],
    ['chatbots create --name bot', "'account_id'.\nThe option for 'account_id' is --account.\n"],
    ['accounts show ../keys', 'There is no such record'],
    ['ledger list --limit 1000', "'limit'"],
  ])('ends with 1 and what the server says: %s', async (line, message) => {
    const { exitCode, stdout, stderr } = await cli(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain(message);
  });

  it.each([
    ['keys', '"keys" is half a command: keys create, keys list, '],
    ['keys --json', '"keys" is half a command: keys create, keys list, '],
    ['keyz --help', 'no such command: keyz; there are keys create, keys list, '],
    ['keys destroy key_1', 'no such command: keys destroy; there are keys create, keys list, '],
    ['keys craete', 'no such command: keys craete; did you mean keys create?'],
    ['key list', 'no such command: key list; did you mean keys list?'],
    ['create keys', 'no such command: create keys; did you mean keys create?'],
    ['relaod', 'no such command: relaod; did you mean reload?'],
    ['credits revoke a', 'no such command: credits revoke; did you mean credits add?'],
    ['users list', 'no such command: users list; they begin with accounts, credits, keys, '],
    ['--account a keys list', '--account stands before the command'],
    ['keys show', 'keys show: <key-id> is missing'],
    ['keys show a b', 'keys show: "b" is one too many'],
    ['keys create', 'keys create: --account is missing'],
    ['keys show ', 'keys show: <key-id> cannot be ""'],
    ['keys revoke .', 'keys revoke: <key-id> cannot be "."'],
    ['chatbots compare bot_1 1 ..', 'chatbots compare: <to> cannot be ".."'],
    ['keys change a --rpm 5 --clear tpm,rpm', 'keys change: --rpm and --clear rpm contradict each other'],
    ['credits add a 100', 'credits add: "100" is one too many; did you mean --amount 100?'],
    ['credits add a -2', 'credits add: "-2" is one too many; did you mean --amount -2?'],
    ['accounts create --name Team A', 'is put in quotes: --name "Team A"'],
    ['keys create --account', 'keys create: --account needs a value (<id>)'],
    ['keys create --account --rpm=5', '--account needs a value (<id>), and --rpm follows;'],
    ['keys create --account a --account b', 'keys create: --account is given twice'],
    ['keys create --account a --models x --models y', 'separate several by commas: --models a,b'],
    ['keys list --json=yes', 'keys list: --json takes no value'],
    ['keys create --account a --expires 2027-02-31', '--expires must be a time'],
    ['credits add a --amount -2,50', '--amount must be a number with at most two decimals'],
    ['keys create --account a --rpm many', 'keys create: --rpm must be a whole number'],
    ['keys create --account a --budget 1.005', '--budget must be a number with at most two decimals'],
    ['keys create --account a --expires soon', '--expires must be a time'],
    ['usage --group-by colour', '--group-by must be one of day, model, key'],
    ['usage --group-by modle', 'not "modle"; did you mean model?'],
    ['keys change a --clear rmp', 'not "rmp"; did you mean rpm?'],
    ['keys create --account a --manage-chatbots yes', '--manage-chatbots must be true or false'],
    ['keys change a --clear rpm,name', '--clear must name some of rpm, tpm,'],
    [
      'accounts change a --clear name',
      '--clear must name some of conversation_retention_days, max_stored_bytes,',
    ],
    ['keys change a', 'keys change: nothing is named that is to change'],
    ['accounts change a --version 3', 'accounts change: nothing is named that is to change'],
    ['chatbots change a --revision 3', 'chatbots change: nothing is named that is to change'],
    ['keys list --colour red', 'no option --colour; the options are --account, --limit, --cursor, --json'],
    ['keys list --admin-key=x', 'no option --admin-key; the options are'],
    ['keys create --acount a', 'keys create: there is no option --acount; did you mean --account?'],
    ['keys create -account a', 'keys create: there is no option -account; did you mean --account?'],
    ['keys create --account_id a', 'there is no option --account_id; did you mean --account?'],
    ['keys list --jsno', 'there is no option --jsno; did you mean --json?'],
  ])('ends with 2 and what is unclear: %s', async (line, message) => {
    const { exitCode, stdout, stderr } = await cli(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('--help');
  });

  it('shows how a command is called that was called wrongly, or was most likely meant', async () => {
    const usage = 'Usage: npm run cli -- keys create --account <id> [options]\n';
    expect((await cli('keys create --acount a')).stderr).toBe(
      `keys create: there is no option --acount; did you mean --account?\n${usage}Help: npm run cli -- keys create --help\n`,
    );
    expect((await cli('keys craete')).stderr).toBe(
      `There is no such command: keys craete; did you mean keys create?\n${usage}Help: npm run cli -- --help\n`,
    );
  });

  it('takes a value that begins with a dash, and tells it from an option', async () => {
    const id = await newAccount();
    await runCli(['credits', 'add', id, '--amount', '3', '--reason=--why', '--json'], () =>
      loadCliConfig({ ADMIN_KEY, TOLLGATE_URL: tollgate.origin }),
    );
    await runCli(['credits', 'add', id, '--amount=1', '--reason', '- a list'], () =>
      loadCliConfig({ ADMIN_KEY, TOLLGATE_URL: tollgate.origin }),
    );
    expect(await json(`ledger list --account ${id}`)).toMatchObject({
      data: [{ reason: '- a list' }, { reason: '--why' }],
    });
    expect((await cli(`accounts show --json -- ${id}`)).stdout).toContain('"balance": 4,');
  });

  it('refuses a key that is of no use, and shows what the server warns of apart from the record', async () => {
    const id = await newAccount();
    const expired = await cli(`keys create --account ${id} --expires 2020-01-01`);
    expect(expired).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('this moment has passed') });
    const unknown = await cli(`keys create --account ${id} --models sandbox/chta`);
    expect(unknown).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("did you mean 'sandbox/chat'?"),
    });
    const warning = "Warning: models: not known at present: 'sandbox/chta' (did you mean 'sandbox/chat'?).\n";
    const partly = await cli(`keys create --account ${id} --models sandbox/chat,sandbox/chta`);
    expect(partly).toMatchObject({ exitCode: 0, stderr: warning });
    expect(partly.stdout).not.toContain('warnings');
    const key = /^id +(\S+)$/m.exec(partly.stdout)?.[1] ?? '';
    const changed = await cli(`keys change ${key} --models sandbox/chta --json`);
    expect(changed).toMatchObject({ exitCode: 0, stderr: warning });
    expect(JSON.parse(changed.stdout)).toHaveProperty('warnings');
  });

  it('says what to do when nobody listens', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const { exitCode, stderr } = await cli('accounts list', { TOLLGATE_URL: url });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`No server answers at ${url} (ECONNREFUSED). Is it running (npm start)?`);
  });

  it('says what to do about a wrong key, or none, and never shows one', async () => {
    const wrong = await cli('accounts list', { ADMIN_KEY: 'a-wrong-key' });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toContain('does not take this ADMIN_KEY');
    expect(wrong.stderr).not.toContain('a-wrong-key');
    const none = await cli('accounts list', { ADMIN_KEY: '' });
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('ADMIN_KEY is not set');
  });

  it('takes the key to no other address, and knows what is no Tollgate', async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.url);
      response.writeHead(302, { location: '/elsewhere' }).end('moved');
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { exitCode, stderr } = await cli('accounts list', { TOLLGATE_URL: url });
    other.close();
    expect({ exitCode, seen }).toEqual({ exitCode: 1, seen: ['/admin/v1/accounts'] });
    expect(stderr).toContain('does not look like Tollgate');
  });

  it('has help for all and for each command, without a server or a key', async () => {
    const { exitCode, stdout } = await nobody(['--help']);
    expect(exitCode).toBe(0);
    const commands = [
      ...stdout.matchAll(/^ {2}((?:accounts|chatbots|credits|keys|ledger|requests) \w+|usage) {2}/gm),
    ];
    expect(commands).toHaveLength(25);
    for (const [, name = ''] of commands) {
      const help = await nobody([...name.split(' '), '--help']);
      expect(help).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`Usage: npm run cli -- ${name}`),
      });
      expect(help.stdout).toContain('--json');
    }
    expect((await nobody([])).stdout).toBe(stdout);
    const ofOne = await nobody(['keys', 'create', '--help']);
    for (const line of ['help keys create', '--help keys create', 'keys create --account --help']) {
      expect(await nobody(line.split(' '))).toEqual(ofOne);
    }
    expect((await nobody(['keys', '--help'])).stdout).toMatch(/keys create .+\n +keys list /);
  });

  it('as a process: reads the environment and ends with its code', async () => {
    const env = { ADMIN_KEY, TOLLGATE_URL: tollgate.origin };
    const listed = await run(env, 'accounts', 'list', '--json');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(listed.stdout)).toMatchObject({ object: 'list' });
    expect(await run(env, 'keys', 'show')).toMatchObject({ code: 2, stdout: '' });
  });
});
