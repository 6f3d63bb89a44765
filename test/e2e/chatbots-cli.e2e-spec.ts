import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ChatbotPatchDto } from '../../src/chatbots/chatbots.dto.js';
import { CLEARABLE } from '../../src/cli/chatbot-commands.js';
import { runCli, type CliResult } from '../../src/cli/run-cli.js';
import { loadCliConfig } from '../../src/config/cli-config.js';
import { fieldsOf } from '../../src/contracts/validation/field.decorator.js';
import { AdminClient } from '../support/admin-client.js';
import { ADMIN_KEY, Tollgate } from '../support/tollgate.js';

describe('npm run cli -- chatbots', () => {
  let tollgate: Tollgate;
  let accountId: string;
  let folder: string;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    accountId = await new AdminClient(tollgate).account();
    folder = await mkdtemp(join(tmpdir(), 'tollgate-cli-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await tollgate.close();
  });

  const cli = (...words: string[]): Promise<CliResult> =>
    runCli(words, () => loadCliConfig({ ADMIN_KEY, TOLLGATE_URL: tollgate.origin }));

  /** The answer of a command that has to work. */
  async function json<T = Record<string, unknown>>(...words: string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await cli(...words, '--json');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return JSON.parse(stdout) as T;
  }

  const create = async (...words: string[]): Promise<string> =>
    (await json<{ id: string }>('chatbots', 'create', '--account', accountId, ...words)).id;

  const file = async (content: string): Promise<string> => {
    const path = join(folder, `${Math.random()}.json`);
    await writeFile(path, content);
    return path;
  };

  it('makes one of options and of a file, options first, and shows it', async () => {
    const path = await file(
      JSON.stringify({ name: 'From file', model: 'sandbox/echo', memory: { policy: 'none' }, seed: 1 }),
    );
    const options = [
      '--name',
      'Named',
      '--file',
      path,
      '--system-prompt',
      'One\nTwo {{x}}',
      '--temperature',
      '0.25',
      '--max-tokens',
      '99',
      '--draft',
      'true',
      '--description',
      'What for',
    ];
    const id = await create(...options);
    expect(await json('chatbots', 'show', id)).toMatchObject({
      account_id: accountId,
      name: 'Named',
      model: 'sandbox/echo',
      memory: { policy: 'none' },
      seed: 1,
      system_prompt: 'One\nTwo {{x}}',
      temperature: 0.25,
      max_tokens: 99,
      status: 'draft',
      description: 'What for',
    });
    const { stdout } = await cli('chatbots', 'show', id);
    expect(stdout).toMatch(/^memory\.policy +none$/m);
    expect(stdout).toMatch(/^updated +\d{4}-\d\d-\d\dT/m);
    expect(stdout).toMatch(/\n\nSystem prompt\n\n {2}One\n {2}Two \{\{x\}\}\n$/);
    expect((await cli('chatbots', 'list', '--account', accountId)).stdout).toContain(id);
  });

  it('changes, publishes, compares, restores and deletes one', async () => {
    const id = await create('--name', 'A', '--model', 'sandbox/echo', '--max-tokens', '5');
    await json('chatbots', 'change', id, '--name', 'B', '--clear', 'max_tokens', '--draft', 'true');
    expect(await json('chatbots', 'show', id)).toMatchObject({
      name: 'B',
      max_tokens: null,
      published_version: 1,
    });
    expect((await cli('chatbots', 'change', id, '--name', 'C', '--revision', '1')).exitCode).toBe(1);
    expect(await json('chatbots', 'publish', id)).toMatchObject({ published_version: 2 });
    expect(await json('chatbots', 'publish', id, '--version', '1')).toMatchObject({ published_version: 1 });
    expect(await json('chatbots', 'unpublish', id)).toMatchObject({ published_version: null });
    expect((await cli('chatbots', 'compare', id, '1', '2')).stdout.replaceAll(/ +/g, ' ')).toBe(
      'field from to\nname A B\nmax_tokens 5 -\n',
    );
    expect(await json('chatbots', 'restore', id, '1')).toMatchObject({ name: 'A', version: 3 });
    expect((await cli('chatbots', 'versions', id)).stdout).toMatch(/^ +3 +true +1 +A +sandbox\/echo /m);
    expect((await cli('chatbots', 'delete', id, '--revision', '1')).stderr).toContain('revision 6');
    expect(await json('chatbots', 'delete', id, '--revision', '6')).toMatchObject({ deleted: true });
    expect((await cli('chatbots', 'show', id)).stderr).toContain('There is no such chatbot');
  });

  it('takes back the record that it printed, unless somebody changed it meanwhile', async () => {
    const id = await create('--name', 'A', '--model', 'sandbox/echo');
    const record = await json('chatbots', 'show', id);
    const path = await file(JSON.stringify({ ...record, name: 'B' }));
    expect(await json('chatbots', 'change', id, '--file', path)).toMatchObject({ name: 'B', version: 2 });
    const late = await cli('chatbots', 'change', id, '--file', path);
    expect([late.exitCode, late.stderr]).toEqual([1, expect.stringContaining('revision 2')]);
  });

  it('tells a chatbot for all keys from one for none, and its help says how to make both', async () => {
    const id = await create('--name', 'A', '--model', 'sandbox/echo');
    const key = await json<{ id: string }>('keys', 'create', '--account', accountId);
    const keysAfter = async (...words: string[]) =>
      /^keys +(.+)$/m.exec((await cli('chatbots', 'change', id, ...words)).stdout)?.[1];
    expect(await keysAfter('--name', 'B')).toBe('all');
    expect(await keysAfter('--keys', '')).toBe('none');
    expect(await keysAfter('--keys', key.id)).toBe(key.id);
    expect(await keysAfter('--clear', 'keys')).toBe('all');
    const { stdout } = await cli('chatbots', 'change', '--help');
    expect(stdout).toMatch(/--keys .*"" is none, and --clear keys lets in all/);
  });

  it('clears whatever takes null, and says so of anything else', async () => {
    const settings = fieldsOf(ChatbotPatchDto).filter(({ nullMeans }) => nullMeans !== null);
    const names = settings.map(({ name }) => name).filter((name) => !['draft', 'revision'].includes(name));
    expect([...CLEARABLE]).toEqual(names);
    const id = await create('--name', 'A', '--model', 'sandbox/echo');
    expect(await json('chatbots', 'change', id, '--clear', names.join(','))).toMatchObject({ version: 1 });
    for (const name of ['name', 'model', 'foo', 'draft', 'revision', '']) {
      const refused = await cli('chatbots', 'change', id, '--clear', name && `seed,${name}`);
      const message = `--clear must name some of ${names.join(', ')}, not "${name}"`;
      expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });

  it('keys get and lose their rights', async () => {
    const rights = ['--manage-chatbots', 'true', '--read-conversations', 'false'];
    const key = await json<{ id: string }>('keys', 'create', '--account', accountId, ...rights);
    expect(key).toMatchObject({ manage_chatbots: true, read_conversations: false });
    expect(await json('keys', 'change', key.id, '--manage-chatbots', 'false')).toMatchObject({
      manage_chatbots: false,
      read_conversations: false,
    });
  });

  it.each([
    ['not JSON', '{'],
    ['no object', '[1]'],
  ])('refuses a file that is %s', async (_what, content) => {
    const { exitCode, stderr } = await cli('chatbots', 'create', '--file', await file(content));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--file');
  });

  it('says what the server says of what is missing or wrong', async () => {
    const none = await cli('chatbots', 'create', '--file', join(folder, 'none.json'));
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('ENOENT')]);
    const missing = await cli('chatbots', 'create', '--account', accountId, '--name', 'A');
    expect([missing.exitCode, missing.stderr]).toEqual([1, "Missing required parameter: 'model'.\n"]);
  });
});
