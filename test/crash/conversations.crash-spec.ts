import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { ask, calmUpstream } from '../support/crash-load.js';
import type { GatewayProcess } from '../support/crash-process.js';
import { CrashRing } from '../support/crash-ring.js';
import { answerTo, askedOf, brokenTalks } from '../support/crash-talks.js';
import { onPostgres } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import type { Reply } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { brokenInvariants, openHolds, type Seen } from '../support/invariants.js';

const SWEPT_MS = 20_000;
const BUSY = { status: 409, code: 'conversation_busy', retryAfter: '1' };
const HOW = [{ stream: false }, { stream: true }];

/** An upstream that waits until it may answer; to who asks for a stream it keeps talking meanwhile. */
function held() {
  const asked = Promise.withResolvers<void>();
  const may = new AbortController();
  const reply: Reply = async (response, request) => {
    asked.resolve();
    if (request.body['stream'] !== true) {
      if (!may.signal.aborted) await once(may.signal, 'abort');
      return calmUpstream(response, request);
    }
    const [role, ...chunks] = chatChunks(answerTo(askedOf(request)));
    const [more] = chatChunks(' on').slice(1);
    response.head(200, { 'content-type': 'text/event-stream' });
    await response.event(role);
    await response.event(chunks.shift());
    while (!may.signal.aborted && !response.gone) {
      await sleep(50, undefined, { ref: false });
      await response.event(more);
    }
    for (const chunk of chunks) await response.event(chunk);
    await response.event('[DONE]');
    return response.finish('clean');
  };
  return { reply, asked: asked.promise, go: () => may.abort() };
}

/** One account's talk with its chatbot, over the lives of several gateways. */
class Scene {
  private said = 0;
  readonly seen: Seen[] = [];

  private constructor(readonly ring: CrashRing) {}

  static async open(databaseUrl: string | undefined): Promise<Scene> {
    const ring = await CrashRing.open({ databaseUrl, accounts: 1 });
    ring.upstream.otherwise(calmUpstream);
    return new Scene(ring);
  }

  async say(
    { origin }: GatewayProcess,
    conversation: string,
    { stream = false }: { stream?: boolean } = {},
  ): Promise<Seen> {
    const { secret, chatbotId } = this.ring.firstPayer;
    const content = this.words(conversation);
    const one = await ask(origin, secret, { stream, model: chatbotId, conversation, content });
    if (one === undefined) throw new Error('nobody answers');
    this.seen.push(one);
    return one;
  }

  /** Says it again and again until it is answered. @returns what it was refused with */
  async insist(gateway: GatewayProcess, conversation: string): Promise<Seen['refusal'][]> {
    const refusals: Seen['refusal'][] = [];
    await eventually(
      async () => {
        const { end, refusal } = await this.say(gateway, conversation);
        if (end === 'refused') refusals.push(refusal);
        return end === 'whole';
      },
      'an answer',
      SWEPT_MS,
    );
    return refusals;
  }

  /** Something that nobody has said before. */
  words(conversation: string): string {
    this.said += 1;
    return `${conversation}: ${this.said}`;
  }

  swept(): Promise<unknown> {
    const { db } = this.ring;
    return eventually(async () => (await openHolds(db)).length === 0, 'an end of all holds', SWEPT_MS);
  }

  /** Waits until it is on record that a client has been sent something: notes of that are a second apart. */
  relayed(): Promise<unknown> {
    const { db } = this.ring;
    return eventually(async () => {
      const [hold] = await db
        .selectFrom('holds')
        .select('relayed_tokens')
        .where('state', '=', 'open')
        .execute();
      return (hold?.relayed_tokens ?? 0) > 0;
    }, 'a note');
  }

  async turnsOf(conversation: string): Promise<number> {
    const row = await this.ring.db
      .selectFrom('conversations')
      .select('turn_count')
      .where('client_id', '=', conversation)
      .executeTakeFirst();
    return row?.turn_count ?? 0;
  }

  async broken(): Promise<string[]> {
    const { db, upstream } = this.ring;
    return [
      ...(await brokenInvariants(db, { seen: this.seen, turnsOnly: true })),
      ...(await brokenTalks(db, upstream.requests)),
    ];
  }
}

describe('conversations on SQLite', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open(undefined);
  });
  afterAll(() => scene.ring.close());

  it.each(HOW)(
    'P2: killed in a turn: as it was, and the next process goes on (stream: $stream)',
    async (how) => {
      const name = `killed ${how.stream}`;
      const doomed = await scene.ring.start();
      await scene.say(doomed, name);
      const { reply, asked } = held();
      scene.ring.upstream.enqueue(reply);
      const lost = scene.say(doomed, name, how).catch(() => undefined);
      await asked;
      await doomed.kill();
      await lost;

      const next = await scene.ring.start();
      expect(await scene.say(next, name, how)).toMatchObject({ end: 'whole' });
      expect(await scene.turnsOf(name)).toBe(2);
      expect(await scene.broken()).toEqual([]);
      await next.kill();
    },
  );
});

onPostgres((newDatabaseUrl) => {
  let scene: Scene;
  let gateways: [GatewayProcess, GatewayProcess];
  beforeAll(async () => {
    scene = await Scene.open(await newDatabaseUrl());
    gateways = await Promise.all([scene.ring.start(), scene.ring.start()]);
  });
  afterEach(async () => {
    for (const [index, { alive }] of gateways.entries())
      if (!alive) gateways[index] = await scene.ring.start();
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await scene.ring.close();
  });

  it.each(HOW)(
    'P3: a process paused in a turn: busy for the other until its hold is resolved, never mixed (stream: $stream)',
    async (how) => {
      const name = `paused ${how.stream}`;
      const [paused, other] = gateways;
      await scene.say(other, name);
      const { reply, asked, go } = held();
      scene.ring.upstream.enqueue(reply);
      const lost = scene.say(paused, name, how);
      await asked;
      if (how.stream) await scene.relayed();
      expect(await scene.say(other, name)).toMatchObject({ end: 'refused', refusal: BUSY });
      paused.signal('SIGSTOP');
      for (const refusal of await scene.insist(other, name)) expect(refusal).toEqual(BUSY);
      go();
      paused.signal('SIGCONT');

      expect(await lost).toMatchObject({ end: how.stream ? 'partial' : 'refused' });
      expect(await scene.insist(paused, name)).toEqual([]);
      expect(await scene.turnsOf(name)).toBe(3);
      expect(await scene.broken()).toEqual([]);
    },
  );

  it.each(HOW)(
    'P2: a process killed in a turn: busy for the other until its hold is resolved, then it goes on (stream: $stream)',
    async (how) => {
      const name = `killed ${how.stream}`;
      const [doomed, other] = gateways;
      await scene.say(other, name);
      const { reply, asked } = held();
      scene.ring.upstream.enqueue(reply);
      const lost = scene.say(doomed, name, how).catch(() => undefined);
      await asked;
      expect(await scene.say(other, name)).toMatchObject({ end: 'refused', refusal: BUSY });
      await doomed.kill();
      await lost;
      for (const refusal of await scene.insist(other, name)) expect(refusal).toEqual(BUSY);
      expect(await openHolds(scene.ring.db)).toEqual([]);
      expect(await scene.turnsOf(name)).toBe(2);
      expect(await scene.broken()).toEqual([]);
    },
  );

  it.each([{ conversations: 1 }, { conversations: 10 }])(
    '50 parallel requests over two processes in $conversations conversations: stored once and in order, or 409',
    async ({ conversations }) => {
      const names = Array.from({ length: conversations }, (_, i) => `one of ${conversations}, ${i}`);
      const seen = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          scene.say(gateways[i % 2] as GatewayProcess, names[i % conversations] ?? '', {
            stream: i % 3 === 0,
          }),
        ),
      );
      const refused = seen.filter(({ end }) => end !== 'whole');
      for (const one of refused) expect(one).toMatchObject({ end: 'refused', refusal: BUSY });
      const turns = await Promise.all(names.map((name) => scene.turnsOf(name)));
      expect(Math.min(...turns)).toBeGreaterThan(0);
      expect(turns.reduce((sum, count) => sum + count)).toBe(50 - refused.length);
      await scene.swept();
      expect(await scene.broken()).toEqual([]);
    },
  );

  it('an official SDK that meets a busy conversation asks again by itself', async () => {
    const [first, second] = gateways;
    const { reply, asked, go } = held();
    scene.ring.upstream.enqueue(reply);
    const before = scene.say(first, 'retried');
    await asked;
    const statuses: number[] = [];
    const client = new OpenAI({
      baseURL: `${second.origin}/v1`,
      apiKey: scene.ring.firstPayer.secret,
      maxRetries: 5,
      async fetch(...args) {
        const response = await fetch(...args);
        statuses.push(response.status);
        go();
        return response;
      },
    });
    const content = scene.words('retried');
    const body = {
      model: scene.ring.firstPayer.chatbotId,
      messages: [{ role: 'user' as const, content }],
      conversation_id: 'retried',
    };
    const answer = await client.chat.completions.create(body);
    expect(await before).toMatchObject({ end: 'whole' });
    expect(statuses).toEqual([409, ...statuses.slice(1, -1).map(() => 409), 200]);
    expect(answer.choices[0]?.message.content).toBe(answerTo(content));
    expect(await scene.turnsOf('retried')).toBe(2);
    expect(await scene.broken()).toEqual([]);
  });

  // The last of them: afterwards not everything that was stored is there.
  it.each(HOW)(
    'erased through the other process in a turn: answered, paid for, nothing kept, begun anew (stream: $stream)',
    async (how) => {
      const [first, second] = gateways;
      const name = `erased ${how.stream}`;
      await scene.say(first, name);
      const { reply, asked, go } = held();
      scene.ring.upstream.enqueue(reply);
      const answered = scene.say(first, name, how);
      await asked;
      const erased = await fetch(`${second.origin}/v1/conversations/${encodeURIComponent(name)}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${scene.ring.firstPayer.secret}` },
      });
      expect(erased.status).toBe(200);
      go();
      expect(await answered).toMatchObject({ end: 'whole' });
      expect(await scene.turnsOf(name)).toBe(0);
      expect(await scene.say(second, name)).toMatchObject({ end: 'whole' });
      expect(await scene.turnsOf(name)).toBe(1);
      expect(await brokenInvariants(scene.ring.db)).toEqual([]);
    },
  );
});
