import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { eventually } from '../support/eventually.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { Tollgate } from '../support/tollgate.js';

const MIB = 1024 * 1024;
const ASK = { model: 'sandbox/chat', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const SECRET = 'what-nobody-may-find-again ';

/** On a file system of its own, with 24 MB, that is really full: that needs the right to mount one, as in CI. */
const onSmallDisk = mayMount() ? describe : describe.skip;

onSmallDisk('a full disk', () => {
  let disk: string;
  let mounted = false;
  let tollgate: Tollgate;

  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), 'tollgate-disk-'));
    mount(disk);
    mounted = true;
    tollgate = await Tollgate.start({ database: 'sqlite', env: { DATA_DIR: join(disk, 'data') } });
    await eventually(() => readdirSync(join(disk, 'data')).includes('tollgate.reserve'), 'a reserve');
  });
  afterEach(async () => {
    await tollgate.close();
    if (mounted) execFileSync('umount', [disk]);
    await rm(disk, { recursive: true, force: true });
  });

  const status = async (path: string): Promise<number> => (await tollgate.get(path)).status;
  const pay = async (): Promise<number> => (await tollgate.post('/api/v1/chat/completions', ASK)).status;
  const del = async (path: string, headers = {}): Promise<number> =>
    (await tollgate.request('DELETE', path, { headers })).status;

  /** Takes all that is left, as another program would. */
  function fill(): void {
    const file = openSync(join(disk, 'ballast'), 'w');
    for (const size of [MIB, 4_096, 1]) {
      const chunk = Buffer.alloc(size, 1);
      try {
        while (writeSync(file, chunk) === size);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
    closeSync(file);
  }

  async function store(bytes: number, count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const text = SECRET.repeat(Math.ceil(bytes / SECRET.length));
      const answer = await tollgate.post('/v1/conversations', say(text));
      if (answer.status !== 200) break;
      ids.push(((await answer.json()) as { id: string }).id);
    }
    return ids;
  }

  it('a key without credits cannot fill it: others are charged and served all the while', async () => {
    const key = await tollgate.newKey({}, 0n);
    const headers = { authorization: `Bearer ${key.secret}` };
    const ends: number[] = [];
    for (let i = 0; i < 24; i += 1) {
      ends.push((await tollgate.post('/v1/conversations', say('x'.repeat(MIB)), headers)).status);
    }
    expect(ends.filter((end) => end === 200).length).toBeGreaterThan(2);
    expect(ends.at(-1)).toBe(503);
    expect([await pay(), await status('/health/ready')]).toEqual([200, 200]);
  });

  it.each([
    { what: 'many small ones', bytes: 2_000, count: 80 },
    { what: 'some of a megabyte', bytes: MIB, count: 24 },
    { what: 'one of several megabytes', bytes: 4 * MIB, count: 1 },
  ])(
    'conversations can be deleted, $what, nothing of them is left, and charges go on',
    async ({ bytes, count }) => {
      const ids = await store(bytes, count);
      expect(ids.length).toBeGreaterThan(0);
      fill();
      await eventually(async () => (await pay()) === 503, 'the end of the room', 60_000);
      expect([await status('/health/ready'), await status('/health/live')]).toEqual([503, 200]);

      for (const id of ids) expect(await del(`/v1/conversations/${id}`)).toBe(200);
      await eventually(async () => (await status('/health/ready')) === 200, 'readiness');
      expect(await pay()).toBe(200);
      for (const file of ['tollgate.db', 'tollgate.db-wal']) {
        expect(readFileSync(join(disk, 'data', file)).includes(SECRET)).toBe(false);
      }
      expect(await brokenInvariantsOf(tollgate)).toEqual([]);
    },
    120_000,
  );

  it('items, chatbots, stored completions and all of an account can be deleted', async () => {
    const admin = new AdminClient(tollgate);
    const key = await admin.key({ manage_chatbots: true });
    const post = async (path: string, body: object): Promise<{ id: string; data?: { id: string }[] }> => {
      const answer = await tollgate.post(path, body, key.headers);
      expect(answer.status).toBe(200);
      return (await answer.json()) as { id: string; data?: { id: string }[] };
    };
    const conversation = await post('/v1/conversations', {});
    const items = await post(`/v1/conversations/${conversation.id}/items`, say('x'.repeat(MIB)));
    const bot = await post('/v1/chatbots', {
      name: 'Bot',
      model: 'sandbox/chat',
      system_prompt: 'p'.repeat(90_000),
    });
    const completion = await post('/v1/chat/completions', { ...ASK, store: true });
    fill();
    await eventually(async () => (await pay()) === 503, 'the end of the room', 60_000);

    const item = `/v1/conversations/${conversation.id}/items/${items.data?.[0]?.id}`;
    for (const path of [item, `/v1/chatbots/${bot.id}`, `/v1/chat/completions/${completion.id}`]) {
      expect(await del(path, key.headers)).toBe(200);
    }
    expect((await admin.delete(`/accounts/${key.accountId}/conversations`)).status).toBe(200);
    await eventually(async () => (await pay()) === 200, 'room for charges');

    // Once there is room again, some of it is held back for the next time.
    rmSync(join(disk, 'ballast'));
    const other = await store(1_000, 1);
    expect(await del(`/v1/conversations/${other[0]}`)).toBe(200);
    await eventually(() => readdirSync(join(disk, 'data')).includes('tollgate.reserve'), 'a reserve');
  }, 120_000);
});

function say(text: string) {
  return { items: [{ type: 'message', role: 'user', content: text }] };
}

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-mount-'));
  try {
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' });
}
