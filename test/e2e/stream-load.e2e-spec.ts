import type { Server } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { expectNothingOpen } from '../support/aftermath.js';
import { eventually } from '../support/eventually.js';
import {
  endless,
  failure,
  json,
  type Reply,
  resetBeforeHead,
  sse,
  stall,
} from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireError } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { ADMIN_KEY } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { chatBody, SURFACES } from '../support/wire-surfaces.js';

const [ROLE, HELLO] = chatChunks();
const REQUESTS = 240;
const AT_ONCE = 40;

/** A pool of database connections has one for each that is idle; what forgets its timers does so far more often. */
const DATABASE_TIMERS = 12;

/** What upstreams do in the rough, by turns. */
const REPLIES: readonly Reply[] = [
  sse(chatChunks()),
  json(chatAnswer()),
  sse(chatChunks(), { delayMs: 3, writeBytes: 40 }),
  failure(500),
  sse([ROLE, HELLO], { done: false, ending: 'reset' }),
  resetBeforeHead(),
  sse([ROLE, wireError('no')]),
  stall(),
  endless(HELLO, 2),
  sse([ROLE, HELLO], { done: false, ending: 'stall' }),
];

/** What clients do, by turns: as they should, or leave in one of two ways after a while, or close their sending half. */
const MANNERS = ['stay', 'stay', 'close', 'stay', 'reset', 'stay', 'halfClose'] as const;

describe('I9: when load stops', () => {
  const app = useWireApp({
    env: {
      UPSTREAM_TIMEOUT_MS: '300',
      UPSTREAM_IDLE_TIMEOUT_MS: '300',
      HEARTBEAT_MS: '50',
      WRITE_STALL_MS: '500',
    },
  });

  async function visit(n: number): Promise<void> {
    const surface = SURFACES[n % SURFACES.length]!;
    const manner = MANNERS[n % MANNERS.length]!;
    const headers = { authorization: `Bearer ${app.tollgate.key}`, connection: 'close' };
    // Endless streams end at their limit.
    const body = chatBody({ stream: n % 4 > 0, max_tokens: 50 });
    const client = await RawClient.ask(app.tollgate.port, httpRequest(surface.chat, { headers, body }));
    if (manner !== 'stay') {
      await new Promise((resolve) => setTimeout(resolve, n % 13));
      client[manner]();
    }
    await client.ended;
    client.close();
  }

  it('nothing is left of it: no request, hold, connection or timer; and the books are right', async () => {
    let turn = 0;
    app.upstream.otherwise((response, request) => {
      const reply = REPLIES[(turn += 1) % REPLIES.length]!;
      return reply(response, request);
    });
    await visit(0);
    await expectNothingOpen(app);
    const idle = timers();

    let next = 1;
    const worker = async (): Promise<void> => {
      while (next < REQUESTS) {
        next += 1;
        await visit(next - 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));

    await expectNothingOpen(app);
    await eventually(async () => (await connections()) === 0, 'an end of all connections');
    await eventually(() => timers() <= idle + DATABASE_TIMERS, 'an end of all timers');
    // What is kept open to the upstream is idle, and no more than were needed at once.
    expect(app.upstream.openConnections).toBeLessThanOrEqual(AT_ONCE);

    const rows = await app.tollgate.allUsage();
    expect(rows.length).toBeGreaterThan(REQUESTS / 2);
    expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(rows.length);
    expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(
      new Set(['completed', 'upstream_failed', 'client_left', 'cut_at_limit']),
    );
    const verified = await app.tollgate.get('/admin/v1/ledger/verify', {
      authorization: `Bearer ${ADMIN_KEY}`,
    });
    expect(await verified.json()).toMatchObject({ ok: true });
  }, 30_000);

  function connections(): Promise<number> {
    const server = app.tollgate.app.getHttpServer() as Server;
    return new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  }
});

/** Of the whole process, which is the gateway, the upstream and the clients. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
