import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, Observable, of, Subject, throwError, toArray } from 'rxjs';
import type {
  AssistantMessage,
  ChatChoice,
  ChatCompletionRequest,
  ChatDelta,
  FinishReason,
  TokenLogprob,
} from '../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../contracts/openai/completion.js';
import { FlowGate } from '../streaming/flow-gate.js';
import { UpstreamError } from '../upstreams/upstream.errors.js';
import type {
  ChatAnswer,
  ChatChunk,
  CompletionChunk,
  UpstreamAdapter,
  UpstreamCall,
} from '../upstreams/upstream.port.js';
import { completeOverChat, streamOverChat } from './completion-over-chat.js';

type ChatCall = UpstreamCall<ChatCompletionRequest>;

/** An upstream with nothing but chat. A call that a test does not expect fails it. */
class ChatOnly implements UpstreamAdapter {
  readonly calls: ChatCall[] = [];

  constructor(
    private readonly answer: (request: ChatCompletionRequest, signal: AbortSignal) => Promise<ChatAnswer>,
    private readonly chunks: (request: ChatCompletionRequest, flow: FlowGate) => Observable<ChatChunk>,
  ) {}

  completeChat(call: ChatCall, signal: AbortSignal): Promise<ChatAnswer> {
    this.calls.push(call);
    return this.answer(call.request, signal);
  }

  streamChat(call: ChatCall, flow: FlowGate): Observable<ChatChunk> {
    this.calls.push(call);
    return this.chunks(call.request, flow);
  }
}

const neverStreams = (): Observable<ChatChunk> => throwError(() => new Error('streamed unexpectedly'));
const neverAnswers = (): Promise<ChatAnswer> => Promise.reject(new Error('called unexpectedly'));

function answering(
  answer: (request: ChatCompletionRequest, signal: AbortSignal) => ChatAnswer | Promise<ChatAnswer>,
): ChatOnly {
  return new ChatOnly(async (request, signal) => answer(request, signal), neverStreams);
}

function streaming(
  chunks: (request: ChatCompletionRequest, flow: FlowGate) => Observable<ChatChunk>,
): ChatOnly {
  return new ChatOnly(neverAnswers, chunks);
}

function callOf(request: Partial<CompletionRequest>): UpstreamCall<CompletionRequest> {
  return {
    requestId: 'req_1',
    request: { model: 'm', prompt: 'a', ...request },
    timeouts: { connectMs: 1, firstTokenMs: 1, betweenChunksMs: 1, totalMs: 1 },
  };
}

function complete(adapter: UpstreamAdapter, request: Partial<CompletionRequest>) {
  return completeOverChat(adapter, callOf(request), new AbortController().signal);
}

function stream(adapter: UpstreamAdapter, request: Partial<CompletionRequest>): Promise<CompletionChunk[]> {
  return firstValueFrom(streamOverChat(adapter, callOf(request), new FlowGate()).pipe(toArray()));
}

function choice(
  index: number,
  message: Partial<AssistantMessage>,
  rest: Partial<ChatChoice> = {},
): ChatChoice {
  return {
    index,
    message: { role: 'assistant', content: null, refusal: null, ...message },
    finish_reason: 'stop',
    logprobs: null,
    ...rest,
  };
}

function usage(prompt: number, completion: number): unknown {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** What the one user message says. */
function promptOf(request: ChatCompletionRequest): string {
  return String(request.messages.find(({ role }) => role === 'user')?.content);
}

/** Answers `n` choices that name their prompt and position: `<a0>`. */
function naming(request: ChatCompletionRequest): ChatAnswer {
  const choices = Array.from({ length: request.n ?? 1 }, (_, index) =>
    choice(index, { content: `<${promptOf(request)}${index}>` }),
  );
  return { choices, usage: usage(2, 3 * choices.length) };
}

function delta(index: number, said: ChatDelta, finishReason: FinishReason | null = null): ChatChunk {
  return { choices: [{ index, delta: said, finish_reason: finishReason }] };
}

function token(text: string, logprob: number, bytes: number[] | null = [...Buffer.from(text)]): TokenLogprob {
  return { token: text, logprob, bytes, top_logprobs: [{ token: '?', logprob: -9, bytes: [63] }] };
}

/** A candidate whose tokens have these log probabilities. */
function scored(index: number, ...logprobs: number[]): ChatChoice {
  const content = logprobs.map((logprob) => token('t', logprob));
  return choice(index, { content: `c${index}` }, { logprobs: { content, refusal: null } });
}

function refusing(content: string | null): ChatOnly {
  return answering(() => ({ choices: [choice(0, { content, refusal: 'No.' })], usage: undefined }));
}

function saidWith(content: string, ...tokens: TokenLogprob[]): ChatChunk {
  const logprobs = { content: tokens, refusal: null };
  return { choices: [{ index: 0, delta: { content }, finish_reason: null, logprobs }] };
}

function texts(chunks: CompletionChunk[]): string[] {
  return chunks.flatMap(({ choices }) => choices.map(({ text }) => text));
}

/** Streams that do not end by themselves; `open` has those that are subscribed to, by prompt. */
function hanging() {
  const open = new Map<string, Subject<ChatChunk>>();
  const flows = new Set<FlowGate>();
  const upstream = streaming((request, flow) => {
    flows.add(flow);
    return new Observable((subscriber) => {
      const subject = new Subject<ChatChunk>();
      open.set(promptOf(request), subject);
      subject.subscribe(subscriber);
      return () => open.delete(promptOf(request));
    });
  });
  return { upstream, open, flows };
}

/** Lets everything that is already decided happen. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('completeOverChat', () => {
  it('case 88: one prompt becomes one user message, and its answer one choice with usage', async () => {
    const upstream = answering(naming);
    const answer = await complete(upstream, { prompt: 'a' });
    expect(upstream.calls.map(({ request }) => request)).toEqual([
      { model: 'm', messages: [{ role: 'user', content: 'a' }] },
    ]);
    expect(upstream.calls[0]).toMatchObject({ requestId: 'req_1', timeouts: { totalMs: 1 } });
    expect(answer.choices).toEqual([{ text: '<a0>', index: 0, logprobs: null, finish_reason: 'stop' }]);
    expect(answer.usage).toMatchObject(usage(2, 3) as object);
  });

  it('case 89: two prompts with n 2 are prompt-major, in whatever order their answers come', async () => {
    const first = Promise.withResolvers<void>();
    const upstream = answering(async (request) => {
      if (promptOf(request) === 'a') await first.promise;
      else first.resolve();
      const { choices, ...rest } = naming(request);
      return { ...rest, choices: choices.toReversed() };
    });
    const answer = await complete(upstream, { prompt: ['a', 'b'], n: 2 });
    expect(answer.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, '<a0>'],
      [1, '<a1>'],
      [2, '<b0>'],
      [3, '<b1>'],
    ]);
    expect(answer.usage).toMatchObject(usage(4, 12) as object);
  });

  it('case 90: a list of token ids is one prompt, a list of lists is several', async () => {
    const upstream = answering(naming);
    await complete(upstream, { prompt: [1, 2, 3] });
    await complete(upstream, { prompt: [[1], [2]] });
    expect(upstream.calls.map(({ request }) => promptOf(request))).toEqual(['"#$', '"', '#']);
  });

  it('case 90: an id that stands for no text is refused before anything is called', async () => {
    const upstream = answering(neverAnswers);
    await expect(complete(upstream, { prompt: [1, 200_018] })).rejects.toMatchObject({
      code: 'upstream_rejected_request',
      param: 'prompt',
      message: expect.stringContaining('200018'),
    });
    expect(upstream.calls).toEqual([]);
  });

  it('case 92: echo puts the prompt before the text and says how much of it was not generated', async () => {
    const answer = await complete(answering(naming), { prompt: ['a', 'bc'], echo: true });
    expect(answer.choices).toMatchObject([
      { text: 'a<a0>', echoedChars: 1 },
      { text: 'bc<bc0>', echoedChars: 2 },
    ]);
  });

  it('case 92: a suffix becomes an instruction and is not echoed', async () => {
    const upstream = answering(naming);
    const answer = await complete(upstream, { prompt: 'a', suffix: 'THE END', echo: true });
    const [system, user] = upstream.calls[0]?.request.messages ?? [];
    expect(system).toMatchObject({ role: 'system', content: expect.stringMatching(/THE END$/) });
    expect(user).toEqual({ role: 'user', content: 'a' });
    expect(answer.choices[0]?.text).toBe('a<a0>');
  });

  it('case 92: logprobs become four parallel arrays with offsets into prompt and completion', async () => {
    const content = [token('é', -0.5), token('😀!', -0.25), token('x', -1)];
    const upstream = answering(() => ({
      choices: [choice(0, { content: 'é😀!x' }, { logprobs: { content, refusal: null } })],
      usage: undefined,
    }));
    const { choices } = await complete(upstream, { prompt: 'two', logprobs: 1 });
    expect(upstream.calls[0]?.request).toMatchObject({ logprobs: true, top_logprobs: 1 });
    expect(choices[0]?.logprobs).toEqual({
      tokens: ['é', '😀!', 'x'],
      token_logprobs: [-0.5, -0.25, -1],
      top_logprobs: [
        { é: -0.5, '?': -9 },
        { '😀!': -0.25, '?': -9 },
        { x: -1, '?': -9 },
      ],
      text_offset: [3, 4, 6],
    });
  });

  it('gives null logprobs where the upstream has none to give', async () => {
    const { choices } = await complete(answering(naming), { logprobs: 2 });
    expect(choices[0]?.logprobs).toBeNull();
  });

  it('carries sampling fields over and nothing that chat does not know', async () => {
    const carried = {
      max_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['x'],
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 4,
      logit_bias: { '5': 1 },
      user: 'u',
    };
    const upstream = answering(naming);
    await complete(upstream, { ...carried, n: 2, echo: true, best_of: 2, stream_options: {} });
    expect(upstream.calls[0]?.request).toEqual({
      ...carried,
      model: 'm',
      n: 2,
      messages: [{ role: 'user', content: 'a' }],
    });
  });

  it('best_of asks for that many, returns the n with the highest mean logprob, and pays for all', async () => {
    const upstream = answering(() => ({
      choices: [scored(0, -2, -2), scored(1), scored(2, -0.1), scored(3, -0.5, -0.5, -0.5, -0.5)],
      usage: usage(1, 40),
    }));
    const answer = await complete(upstream, { n: 2, best_of: 4 });
    expect(upstream.calls[0]?.request).toMatchObject({ n: 4, logprobs: true });
    expect(upstream.calls[0]?.request).not.toHaveProperty('top_logprobs');
    expect(answer.choices.map(({ index, text, logprobs }) => [index, text, logprobs])).toEqual([
      [0, 'c2', null],
      [1, 'c3', null],
    ]);
    expect(answer.usage).toMatchObject(usage(1, 40) as object);
  });

  it('best_of without logprobs from the upstream returns the first n', async () => {
    const answer = await complete(answering(naming), { n: 2, best_of: 3 });
    expect(answer.choices.map(({ text }) => text)).toEqual(['<a0>', '<a1>']);
  });

  it.each([
    { echo: true, text: 'a' },
    { echo: false, text: '' },
  ])('max_tokens 0 with echo $echo calls nobody and ends with "length"', async ({ echo, text }) => {
    const upstream = answering(neverAnswers);
    const answer = await complete(upstream, { prompt: ['a', 'a'], n: 2, max_tokens: 0, echo, logprobs: 0 });
    expect(upstream.calls).toEqual([]);
    expect(answer.usage).toBeUndefined();
    expect(answer.choices).toEqual(
      [0, 1, 2, 3].map((index) => ({
        text,
        index,
        ...(echo ? { echoedChars: 1 } : {}),
        logprobs: { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] },
        finish_reason: 'length',
      })),
    );
  });

  it.each<[FinishReason, string]>([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['tool_calls', 'stop'],
    ['function_call', 'stop'],
  ])('says %s as %s', async (said, shown) => {
    const upstream = answering(() => ({
      choices: [choice(0, { content: 'x' }, { finish_reason: said })],
      usage: undefined,
    }));
    expect((await complete(upstream, {})).choices[0]?.finish_reason).toBe(shown);
  });

  it('shows a refusal as the text only where there is no other', async () => {
    expect((await complete(refusing(null), {})).choices[0]?.text).toBe('No.');
    expect((await complete(refusing(''), {})).choices[0]?.text).toBe('No.');
    expect((await complete(refusing('Yes'), {})).choices[0]?.text).toBe('Yes');
  });

  it('sums usage with its details, and reports none unless every call did', async () => {
    const reports: Record<string, unknown> = {
      a: { ...(usage(5, 6) as object), prompt_tokens_details: { cached_tokens: 4 } },
      b: { ...(usage(7, 8) as object), completion_tokens_details: { reasoning_tokens: 3 } },
      negative: usage(-1, 2),
    };
    const upstream = answering((request) => ({ ...naming(request), usage: reports[promptOf(request)] }));
    expect((await complete(upstream, { prompt: ['a', 'b'] })).usage).toMatchObject({
      ...(usage(12, 14) as object),
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 3 },
    });
    expect((await complete(upstream, { prompt: ['a', 'silent'] })).usage).toBeUndefined();
    expect((await complete(upstream, { prompt: ['a', 'negative'] })).usage).toBeUndefined();
  });

  it('takes fewer choices than were asked for as a bad response, not as a gap', async () => {
    const upstream = answering(() => ({ choices: [choice(0, { content: 'x' })], usage: undefined }));
    await expect(complete(upstream, { n: 2 })).rejects.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('never has more than four calls under way', async () => {
    let underWay = 0;
    let most = 0;
    const upstream = answering(async (request) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      underWay -= 1;
      return naming(request);
    });
    const prompts = Array.from({ length: 11 }, (_, index) => `p${index}-`);
    const answer = await complete(upstream, { prompt: prompts });
    expect(most).toBe(4);
    expect(answer.choices.map(({ text }) => text)).toEqual(prompts.map((prompt) => `<${prompt}0>`));
  });

  it('fails with the first failure, aborts the other calls and begins no more', async () => {
    const aborted: string[] = [];
    const upstream = answering(async (request, signal) => {
      const prompt = promptOf(request);
      if (prompt === 'c') throw new UpstreamError('upstream_rate_limited', 'Slow down.');
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(prompt);
          reject(new UpstreamError('upstream_unavailable', 'aborted'));
        });
      });
    });
    await expect(complete(upstream, { prompt: ['a', 'b', 'c', 'd', 'e', 'f'] })).rejects.toMatchObject({
      code: 'upstream_rate_limited',
    });
    expect(aborted).toEqual(['a', 'b', 'd']);
    await turn();
    expect(upstream.calls).toHaveLength(4);
  });

  it("passes the caller's abort on to every call under way", async () => {
    const signals: AbortSignal[] = [];
    const begun = Promise.withResolvers<void>();
    const upstream = answering(async (_request, signal) => {
      signals.push(signal);
      if (signals.length === 3) begun.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new UpstreamError('upstream_unavailable', 'aborted')));
      });
    });
    const client = new AbortController();
    const answer = completeOverChat(upstream, callOf({ prompt: ['a', 'b', 'c'] }), client.signal);
    await begun.promise;
    client.abort();
    await expect(answer).rejects.toBeInstanceOf(UpstreamError);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });
});

describe('streamOverChat', () => {
  it('case 93: text chunk by text chunk, then one finish per index with an empty text, and no roles', async () => {
    const upstream = streaming(() =>
      of(
        delta(0, { role: 'assistant', content: '', refusal: null }),
        delta(0, { reasoning_content: 'hm' }),
        delta(0, { content: 'He' }),
        delta(0, { content: 'llo' }, 'length'),
        { choices: [], usage: usage(1, 2) },
      ),
    );
    const chunks = await stream(upstream, {});
    expect(chunks.slice(0, -1)).toEqual([
      { choices: [{ text: 'He', index: 0, logprobs: null, finish_reason: null }] },
      { choices: [{ text: 'llo', index: 0, logprobs: null, finish_reason: null }] },
      { choices: [{ text: '', index: 0, logprobs: null, finish_reason: 'length' }] },
    ]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usage(1, 2) });
  });

  it('case 89: indices are prompt-major, choices take turns, and each keeps its order', async () => {
    const upstreams = new Map<string, Subject<ChatChunk>>();
    const upstream = streaming((request) => {
      const subject = new Subject<ChatChunk>();
      upstreams.set(promptOf(request), subject);
      return subject;
    });
    const seen: [number, string][] = [];
    const completed = Promise.withResolvers<void>();
    streamOverChat(upstream, callOf({ prompt: ['a', 'b'], n: 2 }), new FlowGate()).subscribe({
      next: ({ choices }) => seen.push(...choices.map(({ index, text }): [number, string] => [index, text])),
      error: completed.reject,
      complete: completed.resolve,
    });
    await turn();
    const [a, b] = [upstreams.get('a'), upstreams.get('b')];
    b?.next(delta(1, { content: 'b1' }));
    expect(seen).toEqual([[3, 'b1']]);
    a?.next(delta(0, { content: 'a0' }));
    a?.next(delta(1, { content: 'a1' }));
    b?.next(delta(1, { content: 'more' }, 'stop'));
    b?.next(delta(0, { content: 'b0' }, 'stop'));
    a?.next(delta(0, {}, 'stop'));
    a?.next(delta(1, {}, 'stop'));
    expect(seen).toEqual([
      [3, 'b1'],
      [0, 'a0'],
      [1, 'a1'],
      [3, 'more'],
      [3, ''],
      [2, 'b0'],
      [2, ''],
      [0, ''],
      [1, ''],
    ]);
    a?.complete();
    b?.complete();
    await completed.promise;
  });

  it('case 92: echo is the first chunk of each choice, sent once the choice has something to say', async () => {
    const upstream = streaming((request) =>
      of(
        delta(0, { role: 'assistant' }),
        delta(1, { role: 'assistant' }),
        delta(1, { content: `<${promptOf(request)}>` }),
        delta(1, {}, 'stop'),
        delta(0, {}, 'stop'),
      ),
    );
    const chunks = await stream(upstream, { prompt: 'ab', n: 2, echo: true });
    expect(chunks.flatMap(({ choices }) => choices)).toMatchObject([
      { index: 1, text: 'ab', echoedChars: 2, finish_reason: null },
      { index: 1, text: '<ab>', finish_reason: null },
      { index: 1, text: '', finish_reason: 'stop' },
      { index: 0, text: 'ab', echoedChars: 2, finish_reason: null },
      { index: 0, text: '', finish_reason: 'stop' },
    ]);
  });

  it('U15: an upstream that fails after its roles has sent nothing, also with echo', async () => {
    const upstream = streaming(
      () =>
        new Observable((subscriber) => {
          subscriber.next(delta(0, { role: 'assistant', content: '' }));
          subscriber.error(new UpstreamError('upstream_error', 'broke'));
        }),
    );
    const seen: CompletionChunk[] = [];
    const failure = await new Promise((resolve) => {
      streamOverChat(upstream, callOf({ echo: true }), new FlowGate()).subscribe({
        next: (chunk) => seen.push(chunk),
        error: resolve,
      });
    });
    expect(failure).toMatchObject({ code: 'upstream_error' });
    expect(seen).toEqual([]);
  });

  it('case 92: logprobs go on counting from chunk to chunk, also within a character', async () => {
    const [head, tail] = [
      [0xf0, 0x9f],
      [0x98, 0x80],
    ];
    const upstream = streaming(() =>
      of(
        saidWith('hé', token('h', -1), token('é', -1)),
        saidWith('', token('\\xf0\\x9f', -1, head)),
        saidWith('😀', token('\\x98\\x80', -1, tail)),
        saidWith('!', token('!', -1, null)),
        delta(0, {}, 'stop'),
      ),
    );
    const chunks = await stream(upstream, { prompt: 'ab', logprobs: 1 });
    expect(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.text_offset ?? [])).toEqual([2, 3, 4, 4, 5]);
    expect(chunks.at(-1)?.choices[0]).toEqual({ text: '', index: 0, logprobs: null, finish_reason: 'stop' });
  });

  it('shows a refusal as text only where nothing else was said', async () => {
    const refused = streaming(() => of(delta(0, { refusal: 'No.' }), delta(0, {}, 'stop')));
    const changed = streaming(() =>
      of(delta(0, { content: 'Yes' }), delta(0, { refusal: 'No.' }), delta(0, {}, 'content_filter')),
    );
    expect(texts(await stream(refused, {}))).toEqual(['No.', '']);
    expect(texts(await stream(changed, {}))).toEqual(['Yes', '']);
  });

  it('emits usage once, as the sum of what each call reported last', async () => {
    const upstream = streaming(() =>
      of(
        { ...delta(0, { content: 'x' }), usage: usage(9, 1) },
        { ...delta(0, {}, 'stop'), usage: null },
        { choices: [], usage: usage(10, 2) },
      ),
    );
    const chunks = await stream(upstream, { prompt: ['a', 'b', 'c', 'd', 'e'] });
    expect(chunks.filter((chunk) => chunk.usage !== undefined)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usage(50, 10) });
  });

  it('emits no usage where a call reported none', async () => {
    const upstream = streaming((request) => {
      const said = delta(0, { content: 'x' }, 'stop');
      return of(promptOf(request) === 'a' ? { ...said, usage: usage(1, 1) } : said);
    });
    const chunks = await stream(upstream, { prompt: ['a', 'b'] });
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true);
  });

  it('max_tokens 0 with echo streams the prompts and calls nobody', async () => {
    const upstream = streaming(neverStreams);
    const chunks = await stream(upstream, { prompt: ['a', 'b'], max_tokens: 0, echo: true });
    expect(upstream.calls).toEqual([]);
    expect(chunks.flatMap(({ choices }) => choices)).toMatchObject([
      { index: 0, text: 'a', echoedChars: 1, finish_reason: null },
      { index: 0, text: '', finish_reason: 'length' },
      { index: 1, text: 'b', echoedChars: 1, finish_reason: null },
      { index: 1, text: '', finish_reason: 'length' },
    ]);
  });

  it('takes a choice that never came as a bad response', async () => {
    const upstream = streaming(() => of(delta(0, { content: 'x' }, 'stop')));
    await expect(stream(upstream, { n: 2 })).rejects.toMatchObject({ code: 'upstream_bad_response' });
  });

  it('refuses unknown token ids before the first chunk', async () => {
    await expect(stream(streaming(neverStreams), { prompt: [[1], [-1]] })).rejects.toMatchObject({
      code: 'upstream_rejected_request',
    });
  });

  describe('with calls that do not end by themselves', () => {
    const prompts = ['a', 'b', 'c', 'd', 'e', 'f'];

    it('begins four at a time, the next when one ends, all at the same gate', async () => {
      const { upstream, open, flows } = hanging();
      const flow = new FlowGate();
      const subscription = streamOverChat(upstream, callOf({ prompt: prompts }), flow).subscribe();
      await turn();
      expect([...open.keys()]).toEqual(['a', 'b', 'c', 'd']);
      open.get('b')?.next(delta(0, {}, 'stop'));
      open.get('b')?.complete();
      expect([...open.keys()]).toEqual(['a', 'c', 'd', 'e']);
      expect([...flows]).toEqual([flow]);
      subscription.unsubscribe();
    });

    it('K2: unsubscribing ends all of them at once and begins no other', async () => {
      const { upstream, open } = hanging();
      const subscription = streamOverChat(upstream, callOf({ prompt: prompts }), new FlowGate()).subscribe();
      await turn();
      subscription.unsubscribe();
      expect(open.size).toBe(0);
      await turn();
      expect(upstream.calls).toHaveLength(4);
    });

    it('one that fails ends the others and is the failure of all', async () => {
      const { upstream, open } = hanging();
      const failure = firstValueFrom(
        streamOverChat(upstream, callOf({ prompt: prompts }), new FlowGate()).pipe(toArray()),
      );
      await turn();
      open.get('c')?.error(new UpstreamError('upstream_timeout', 'too slow'));
      expect(open.size).toBe(0);
      await expect(failure).rejects.toMatchObject({ code: 'upstream_timeout' });
      expect(upstream.calls).toHaveLength(4);
    });

    it('is cold: nothing is called before somebody subscribes', async () => {
      const { upstream } = hanging();
      streamOverChat(upstream, callOf({ prompt: prompts }), new FlowGate());
      await turn();
      expect(upstream.calls).toEqual([]);
    });
  });
});
