import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';

const API_KEY = 'sk-first-key-of-the-conversation-keys-test';
const key = (name: string, byte: number) => `${name}:${Buffer.alloc(32, byte).toString('base64')}`;

let running: TollgateProcess | undefined;
afterEach(() => running?.discard());

async function start(CONVERSATION_KEYS: string, folder?: string): Promise<TollgateProcess> {
  running = await TollgateProcess.start({
    env: { BOOTSTRAP_API_KEY: API_KEY, CONVERSATION_KEYS },
    ...(folder !== undefined && { folder }),
  });
  return running;
}

/** @returns a folder in which a conversation is sealed with the key `older` */
async function sealedFolder(): Promise<string> {
  const first = await start(key('older', 1));
  const response = await fetch(`${await first.origin()}/v1/conversations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Plans' }),
  });
  expect(response.status).toBe(200);
  await first.stop();
  return first.folder;
}

describe('a start with other CONVERSATION_KEYS than before', () => {
  it('tells at the default LOG_LEVEL how far the change of the key is, and when it is over', async () => {
    const second = await start(`${key('newer', 2)},${key('older', 1)}`, await sealedFolder());
    await eventually(() => second.output.includes('does not need'), 'the line that tells the end', 15_000);
    const { output } = second;
    expect(output).toContain('sealed 1 texts anew with newer');
    expect(output).toContain('nothing is sealed with older any more');
  });
  it('ends without one that is used, in one line that names it, before anything listens', async () => {
    const second = await start(key('newer', 2), await sealedFolder());
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toMatch(/^Stored conversations are sealed with keys .*: older\. .*\n$/);
  });
});
