import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { lastValueFrom, type Observable, tap, toArray } from 'rxjs';
import { SystemClock } from '../../src/common/clock/clock.js';
import type { UpstreamConfig } from '../../src/config/app-config.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { createAdapter } from '../../src/upstreams/create-adapter.js';
import type { ChatAnswer, ChatChunk, UpstreamAdapter } from '../../src/upstreams/upstream.port.js';
import { Log } from '../../src/observability/log.js';
import { anAppConfig, anUpstream } from '../support/catalogue-builders.js';
import { anthropicEvents } from '../support/fake-anthropic.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { toEvent } from '../support/fake-upstream-exchange.js';
import {
  controlled,
  type ControlledReply,
  delayed,
  json,
  raw,
  type Reply,
  resetBeforeHead,
  stall,
} from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';

/** A wire, with one good answer on it. */
interface Wire {
  readonly protocol: UpstreamConfig['protocol'];
  readonly whole: Reply;
  /** The same as a stream: what comes before the pause that a test makes, and after it. */
  readonly begin: string;
  readonly rest: string;
}

const MESSAGE = {
  content: [{ type: 'text' as const, text: 'Hello there.' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 12, output_tokens: 5 },
};
const BEGUN = anthropicEvents(MESSAGE, false);
const CHUNKS = chatChunks('Hello there.').map((chunk) => toEvent(chunk, '\n'));

const WIRES: Wire[] = [
  {
    protocol: 'openai',
    whole: json(chatAnswer({ content: 'Hello there.' })),
    begin: CHUNKS.slice(0, 2).join(''),
    rest: [...CHUNKS.slice(2), toEvent('[DONE]', '\n')].join(''),
  },
  {
    protocol: 'anthropic',
    whole: json({ type: 'message', id: 'msg_1', role: 'assistant', model: 'm', ...MESSAGE }),
    begin: BEGUN.slice(0, 4).join(''),
    rest: [...BEGUN.slice(4), ...anthropicEvents(MESSAGE).slice(BEGUN.length)].join(''),
  },
];

/** What both adapters promise of their connections. */
describe.each(WIRES)('an adapter to $protocol', ({ protocol, whole, begin, rest }) => {
  const timeouts = { connectMs: 5_000, firstTokenMs: 60_000, betweenChunksMs: 60_000, totalMs: 60_000 };
  let vendor: FakeUpstream;
  let adapter: UpstreamAdapter;

  beforeEach(async () => {
    vendor = await FakeUpstream.start();
    vendor.otherwise(whole);
    adapter = adapterWith({});
  });
  afterEach(async () => {
    await adapter.destroy?.();
    await vendor.close();
  });

  function adapterWith(over: Partial<UpstreamConfig>): UpstreamAdapter {
    const config = anUpstream({ protocol, baseUrl: vendor.baseUrl, apiKey: 'a-key', timeouts, ...over });
    return createAdapter(config, new SystemClock(), new Log(anAppConfig({ upstreams: [], models: [] })));
  }

  const call = {
    requestId: 'req_1',
    request: { model: 'm', max_tokens: 64, messages: [{ role: 'user' as const, content: 'hi' }] },
    timeouts,
  };

  function complete(signal = new AbortController().signal): Promise<ChatAnswer> {
    return adapter.completeChat(call, signal);
  }

  async function text(answer: Promise<ChatAnswer>): Promise<unknown> {
    return (await answer).choices[0]?.message.content;
  }

  function stream(): Observable<ChatChunk> {
    return adapter.streamChat(call, new FlowGate());
  }

  async function socketsClosed(): Promise<void> {
    while (vendor.openConnections > 0) await turn();
  }

  /** A stream that has said its first words. */
  async function begun(): Promise<{ live: ControlledReply; chunks: Promise<ChatChunk[]> }> {
    const live = controlled();
    vendor.enqueue(live.reply);
    const spoken = Promise.withResolvers<void>();
    const hear = ({ choices }: ChatChunk): void => {
      if (choices[0]?.delta.content) spoken.resolve();
    };
    const chunks = lastValueFrom(stream().pipe(tap(hear), toArray()));
    chunks.catch(spoken.reject);
    await live.write(begin);
    await spoken.promise;
    return { live, chunks };
  }

  it('closes when what is under way has ended, and takes nothing new until then', async () => {
    const { live, chunks } = await begun();
    let closed = false;
    const closing = adapter.close?.().then(() => {
      closed = true;
    });

    const refused = { code: 'upstream_unavailable', safeToRetry: true };
    await expect(complete()).rejects.toMatchObject(refused);
    await expect(lastValueFrom(stream())).rejects.toMatchObject(refused);
    expect(closed).toBe(false);

    await live.write(rest);
    await live.end('clean', false);
    const said = (await chunks).flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ''));
    expect(said.join('')).toBe('Hello there.');
    await closing;
    await socketsClosed();
    expect(vendor.requests).toHaveLength(1);
  });

  it('closes when those that waited for a connection have been served as well', async () => {
    await adapter.destroy?.();
    adapter = adapterWith({ maxConnections: 1 });
    vendor.otherwise(delayed(5, whole));
    const answers = [complete(), complete(), complete()];
    await turn();
    await Promise.all([adapter.close?.(), ...answers]);
    await socketsClosed();
    expect(vendor.connections).toBe(1);
  });

  it('U4: closes after the retry of what was under way', async () => {
    await complete();
    await turn();
    vendor.enqueue(resetBeforeHead(), delayed(5, whole));
    const answer = complete();
    await vendor.nextRequest();
    await vendor.nextRequest();
    await Promise.all([adapter.close?.(), answer]);
    await socketsClosed();
  });

  it('P1: is destroyed with what is under way, also while it closes', async () => {
    const { chunks } = await begun();
    vendor.otherwise(stall());
    const silent = complete();
    await vendor.nextRequest();
    await vendor.nextRequest();
    void adapter.close?.();
    await adapter.destroy?.();
    await expect(chunks).rejects.toMatchObject({ code: 'upstream_error' });
    await expect(silent).rejects.toMatchObject({ code: 'upstream_error', safeToRetry: false });
    await socketsClosed();
  });

  it('U4: a reset on a reused connection is retried once, silently, on a fresh one', async () => {
    await complete();
    await turn();
    vendor.enqueue(resetBeforeHead());
    expect(await text(complete())).toBe('Hello there.');
    expect(vendor.requests.map(({ reused }) => reused)).toEqual([false, true, false]);
  });

  it('U5: a reset on a fresh connection is not retried', async () => {
    vendor.otherwise(resetBeforeHead());
    await expect(complete()).rejects.toMatchObject({ code: 'upstream_error', safeToRetry: false });
    expect(vendor.requests).toHaveLength(1);
  });

  it('K1: leaving while waiting for a connection does not cost that connection', async () => {
    await adapter.destroy?.();
    adapter = adapterWith({ maxConnections: 1 });
    const live = controlled({ 'content-type': 'text/event-stream' });
    vendor.enqueue(live.reply);
    const first = lastValueFrom(stream().pipe(toArray()));
    await live.opened;
    for (let i = 0; i < 5; i += 1) {
      const leaving = new AbortController();
      const answer = complete(leaving.signal);
      await turn();
      leaving.abort();
      await expect(answer).rejects.toBeDefined();
    }
    const last = complete();
    await live.write(begin + rest);
    await live.end('clean', false);
    await Promise.all([first, last]);
    expect(vendor.requests.map(({ connection }) => connection)).toEqual([1, 1]);
  });

  it('U3: comments do not put off the deadline of the first event', async () => {
    vendor.otherwise(async (response) => {
      response.head(200, { 'content-type': 'text/event-stream' });
      while (!response.gone) {
        await response.write(': still here\n\n');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    const hasty = { ...call, timeouts: { ...timeouts, firstTokenMs: 100 } };
    await expect(lastValueFrom(adapter.streamChat(hasty, new FlowGate()))).rejects.toMatchObject({
      code: 'upstream_timeout',
    });
  });

  it('U8: an error page of any size is a plain failure with its status', async () => {
    const page = `<html>${'x'.repeat(1_000_000)}</html>`;
    vendor.otherwise(raw(page, { status: 500, headers: { 'content-type': 'text/html' } }));
    const failed = { code: 'upstream_error', upstreamStatus: 500 };
    await expect(complete()).rejects.toMatchObject(failed);
    await expect(lastValueFrom(stream())).rejects.toMatchObject(failed);
  });

  it('U21: refuses an event without end, of however many lines', async () => {
    vendor.otherwise(async (response) => {
      response.head(200, { 'content-type': 'text/event-stream' });
      await response.write(begin);
      while (!response.gone) await response.write(`data: ${'x'.repeat(100_000)}\n`.repeat(10));
    });
    await expect(lastValueFrom(stream())).rejects.toMatchObject({ code: 'upstream_bad_response' });
    expect(await (await vendor.nextRequest()).closed).toBe('aborted');
  });
});
