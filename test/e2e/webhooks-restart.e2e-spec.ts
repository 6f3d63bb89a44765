import { afterAll, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';
import { closedPort, WEBHOOK_SECRET, WebhookReceiver } from '../support/webhook-receiver.js';

const KEY = 'sk-first-key-of-the-restart-test';
/** An event whose attempt the kill interrupted comes when its lease has ended; the others come at once. */
const AFTER_A_LEASE_MS = 75_000;

const cleanups: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

it('loses no event when the process is killed while the receiver is away', async () => {
  const port = await closedPort();
  const env = {
    BOOTSTRAP_API_KEY: KEY,
    WEBHOOK_URL: `http://127.0.0.1:${port}/hook`,
    WEBHOOK_SECRET,
    LOG_LEVEL: 'warn',
  };
  const first = await TollgateProcess.start({ env });
  const origin = await first.origin();
  const ask = async (): Promise<string | null> => {
    const response = await fetch(`${origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sandbox/chat', messages: [{ role: 'user', content: 'hi' }] }),
    });
    await response.text();
    return response.ok ? response.headers.get('x-request-id') : null;
  };
  const earlier = await eventually(async () => (await ask()) ?? undefined, 'an answer', 15_000);
  // Some have been tried before the end, some are new at it.
  await eventually(() => first.output.includes('webhook event not delivered'), 'a failed delivery');
  const requestIds = [earlier, ...(await Promise.all(Array.from({ length: 10 }, ask)))];
  first.signal('SIGKILL');
  await first.exitCode();

  const receiver = await WebhookReceiver.start(port);
  cleanups.push(() => receiver.close());
  const second = await TollgateProcess.start({ folder: first.folder, env });
  cleanups.push(() => second.discard());
  await second.origin();
  const told = () => new Set(receiver.of('request.settled').map(({ event }) => event.data['request_id']));
  await eventually(() => told().size >= requestIds.length, 'all events', AFTER_A_LEASE_MS);
  expect([...told()].toSorted()).toEqual(requestIds.toSorted());
  expect(receiver.arrivals.every(({ signed }) => signed)).toBe(true);
}, 120_000);
