/** The wires that upstreams speak, each with the same good answer on it: for what every adapter promises alike. */
import { lastValueFrom, type Observable, tap, toArray } from 'rxjs';
import { SystemClock } from '../../src/common/clock/clock.js';
import type { UpstreamConfig } from '../../src/config/app-config.js';
import type { UpstreamTimeouts } from '../../src/contracts/upstream-timeouts.js';
import { LogService } from '../../src/observability/log.service.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { createAdapter } from '../../src/upstreams/create-adapter.js';
import type { ChatAnswer, ChatChunk, UpstreamAdapter } from '../../src/upstreams/upstream.port.js';
import { anAppConfig, anUpstream } from './catalogue-builders.js';
import { anthropicEvent, anthropicEvents } from './fake-anthropic.js';
import { FakeUpstream } from './fake-upstream.js';
import { toEvent } from './fake-upstream-exchange.js';
import { controlled, type ControlledReply, json, type Reply } from './fake-upstream-replies.js';
import { chatAnswer, chatChunks } from './fake-upstream-wire.js';

export const TEXT = 'Hello there.';

export interface Wire {
  readonly protocol: UpstreamConfig['protocol'];
  /** `TEXT` as a whole answer, and the body of that. */
  readonly whole: Reply;
  readonly body: string;
  /** `TEXT` as the bytes of a stream, in two parts: its first words, the rest. */
  readonly begin: string;
  readonly rest: string;
  /** One more event with this text, for between the two. */
  readonly more: (text: string) => string;
}

const CHUNKS = chatChunks(TEXT).map((chunk) => toEvent(chunk, '\n'));

const MESSAGE = {
  content: [{ type: 'text' as const, text: TEXT }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 12, output_tokens: 5 },
};
const EVENTS = anthropicEvents(MESSAGE);

export const WIRES: readonly Wire[] = [
  {
    protocol: 'openai',
    ...wholeAnswer(chatAnswer({ content: TEXT })),
    begin: CHUNKS.slice(0, 2).join(''),
    more: (text) => toEvent(chatChunks([text])[1], '\n'),
    rest: [...CHUNKS.slice(2), toEvent('[DONE]', '\n')].join(''),
  },
  {
    protocol: 'anthropic',
    ...wholeAnswer({ type: 'message', id: 'msg_1', role: 'assistant', model: 'm', ...MESSAGE }),
    // Start of the message, ping, start of the block, its first half.
    begin: EVENTS.slice(0, 4).join(''),
    more: (text) =>
      anthropicEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    rest: EVENTS.slice(4).join(''),
  },
];

export const PATIENT: UpstreamTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 60_000,
  betweenChunksMs: 60_000,
  totalMs: 180_000,
};

/** A fake vendor on a wire, for each test, and an adapter to it. */
export class WireHarness {
  vendor!: FakeUpstream;
  adapter!: UpstreamAdapter;

  constructor(private readonly wire: Wire) {}

  async start(): Promise<void> {
    this.vendor = await FakeUpstream.start();
    this.vendor.otherwise(this.wire.whole);
    this.connect();
  }

  async stop(): Promise<void> {
    await this.adapter.destroy?.();
    await this.vendor.close();
  }

  /** Another adapter in place of the one that no test has used yet. */
  connect(over: Partial<UpstreamConfig> = {}): void {
    const { protocol } = this.wire;
    const config = { protocol, baseUrl: this.vendor.baseUrl, apiKey: 'a-key', timeouts: PATIENT, ...over };
    const log = new LogService(anAppConfig({ upstreams: [], models: [] }));
    this.adapter = createAdapter(anUpstream(config), new SystemClock(), log);
  }

  complete(signal = new AbortController().signal): Promise<ChatAnswer> {
    return this.adapter.completeChat(callOf({}), signal);
  }

  stream(timeouts: Partial<UpstreamTimeouts> = {}, flow = new FlowGate()): Observable<ChatChunk> {
    return this.adapter.streamChat(callOf(timeouts), flow);
  }

  /** A stream that has said its first words. */
  async begunStream(
    flow = new FlowGate(),
  ): Promise<{ live: ControlledReply; words: () => number; text: Promise<string> }> {
    const live = controlled();
    this.vendor.enqueue(live.reply);
    const spoken = Promise.withResolvers<void>();
    let words = 0;
    const hear = ({ choices }: ChatChunk): void => {
      if (!choices[0]?.delta.content) return;
      words += 1;
      spoken.resolve();
    };
    const text = lastValueFrom(this.stream({}, flow).pipe(tap(hear), toArray())).then(textOf);
    text.catch(spoken.reject);
    await live.write(this.wire.begin);
    await spoken.promise;
    return { live, words: () => words, text };
  }
}

function wholeAnswer(answer: object): Pick<Wire, 'whole' | 'body'> {
  return { whole: json(answer), body: JSON.stringify(answer) };
}

function callOf(timeouts: Partial<UpstreamTimeouts>) {
  return {
    requestId: 'req_1',
    request: { model: 'm', max_tokens: 64, messages: [{ role: 'user' as const, content: 'hi' }] },
    timeouts: { ...PATIENT, ...timeouts },
  };
}

function textOf(chunks: readonly ChatChunk[]): string {
  return chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('');
}
