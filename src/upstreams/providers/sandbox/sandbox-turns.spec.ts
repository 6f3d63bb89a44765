import { beforeAll, describe, expect, it } from '@jest/globals';
import { lastValueFrom, reduce, type Observable } from 'rxjs';
import { hostileSchemas } from '../../../../test/support/hostile-schemas.js';
import { longestTurnMs } from '../../../../test/support/thread-cpu.js';
import type { ChatCompletionRequest, ChatMessage, Tool } from '../../../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../../contracts/openai/completion.js';
import { FlowGate } from '../../../streaming/flow-gate.js';
import { SandboxAdapter } from './sandbox.adapter.js';

const TIMEOUTS = {
  connectMs: 60_000,
  firstTokenMs: 60_000,
  betweenChunksMs: 60_000,
  totalMs: 60_000,
};

/** The promise is 50, and the ring of expensive bodies measures it; this only tells a standstill, on busy machines too. */
const LONGEST_MS = 400;
/** For bodies of 20 MiB. */
const LONGEST_OF_LARGE_MS = 800;

const sandbox = new SandboxAdapter({ slowPauseMs: 0.001 });
const user = (content: NonNullable<ChatMessage['content']>): ChatMessage => ({ role: 'user', content });
const words = (count: number) => Array.from({ length: count }, (_, n) => `w${n % 89}`).join(' ');
const functions = (count: number, more: (n: number) => object): Tool[] =>
  Array.from({ length: count }, (_, n) => ({
    type: 'function',
    function: { name: `tool_${n}`, ...more(n) },
  }));

const MIB = 1024 * 1024;
const LARGE = 20 * MIB;
const MENTIONED = user(Array.from({ length: 8 }, (_, n) => `tool_${n}`).join(' '));

type Chat = Partial<ChatCompletionRequest>;

const CHATS: Readonly<Record<string, () => Chat>> = {
  '1,024 tools': () => ({
    messages: [user(words(3_000))],
    tools: functions(1_024, (n) => ({ description: `Looks up thing${n} and other${n}. ${words(30)}` })),
  }),
  '1,024 tools with many words in each name': () => ({
    messages: [user('look every thing house street number corner flat garden window '.repeat(20))],
    tools: functions(1_024, (n) => ({
      name: `every_thing_house_${n}_street_number_corner_flat_garden_window`,
    })),
  }),
  'one tool with a long description': () => ({
    messages: [user('hi')],
    tools: functions(1, () => ({ description: words(60_000) })),
  }),
  'a choice among very many allowed tools': () => ({
    tools: functions(2, () => ({})),
    tool_choice: {
      type: 'allowed_tools',
      allowed_tools: {
        mode: 'auto',
        tools: Array.from({ length: 300_000 }, (_, n) => ({ type: 'function', function: { name: `t${n}` } })),
      },
    },
  }),
  'log probabilities of 8 choices of 16,384 tokens': () => ({
    model: 'echo',
    messages: [user('x '.repeat(17_000))],
    n: 8,
    logprobs: true,
    top_logprobs: 20,
  }),
  '16 long choices': () => ({ model: 'echo', messages: [user('x '.repeat(17_000))], n: 16 }),
  'sequences to stop at that nearly match': () => ({
    model: 'echo',
    messages: [user('a'.repeat(80_000))],
    n: 4,
    stop: Array.from({ length: 4 }, () => `${'a'.repeat(5_000)}b${'a'.repeat(5_000)}`),
  }),
  'very many empty parts': () => ({
    messages: [user(Array.from({ length: 600_000 }, () => ({ type: 'text' as const, text: '' })))],
  }),
  'very many messages': () => ({ messages: Array.from({ length: 400_000 }, () => user('')) }),
  'very many messages that fit': () => ({
    messages: Array.from({ length: 32_000 }, (_, n) =>
      n % 2 === 0 ? user('') : { role: 'assistant', content: '' },
    ),
  }),
  'results of very many tools': () => ({
    messages: [
      user('a'),
      ...Array.from({ length: 30_000 }, (_, n) => ({
        role: 'tool' as const,
        tool_call_id: `c${n}`,
        content: '',
      })),
    ],
  }),
  'braces without end': () => ({ messages: [user(`JSON schema: ${'{'.repeat(120_000)}`)] }),
  'many half schemas': () => ({ messages: [user('{"properties":{"a":'.repeat(8_000))] }),
  'many small objects': () => ({ messages: [user('{"a":{}} '.repeat(12_000))] }),
  'markers without end': () => ({ messages: [user('`[[ ## a ## ]]` ('.repeat(6_000))] }),
};

const LARGE_CHATS: Readonly<Record<string, () => Chat>> = {
  'a long prompt': () => ({ messages: [user('The quick brown fox. '.repeat(LARGE / 21))] }),
  'a long prompt to be said again': () => ({
    model: 'echo',
    messages: [user('é👍 '.repeat(LARGE / 6))],
  }),
  'a large picture': () => ({
    messages: [
      user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(LARGE)}` } }]),
    ],
  }),
  'a large file with a long name': () => ({
    messages: [user([{ type: 'file', file: { filename: 'f'.repeat(LARGE), file_data: 'x' } }])],
  }),
  'a large schema': () => ({
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'x', schema: { enum: Array.from({ length: LARGE / 8 }, (_, n) => `v${n}`) } },
    },
  }),
  'large arguments of a call': () => ({
    messages: [
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'c', type: 'function', function: { name: 'f', arguments: '{},'.repeat(LARGE / 3) } },
        ],
      },
    ],
  }),
  'a sequence to stop at of megabytes': () => ({
    model: 'echo',
    messages: [user('a'.repeat(80_000))],
    stop: 'a'.repeat(LARGE),
  }),
};

const COMPLETIONS: Readonly<Record<string, () => Partial<CompletionRequest>>> = {
  '1,024 prompts': () => ({ prompt: Array.from({ length: 1_024 }, (_, n) => `prompt ${n}`), logprobs: 5 }),
  '1,024 prompts said again': () => ({
    model: 'echo',
    prompt: Array.from({ length: 1_024 }, (_, n) => 'x '.repeat(100) + n),
    best_of: 2,
    n: 2,
    logprobs: 5,
  }),
  'one prompt continued 128 times': () => ({ prompt: words(40_000), n: 128 }),
  'the best of 20 that say a long prompt again': () => ({
    model: 'echo',
    prompt: words(40_000),
    best_of: 20,
    max_tokens: 16_384,
    logprobs: 5,
  }),
  'a long prompt with its log probabilities': () => ({ prompt: words(55_000), echo: true, logprobs: 5 }),
};

const LARGE_COMPLETIONS: Readonly<Record<string, () => Partial<CompletionRequest>>> = {
  'a long prompt': () => ({ prompt: 'The quick brown fox. '.repeat(LARGE / 21) }),
  'a prompt of very many ids': () => ({ prompt: Array.from({ length: LARGE / 2 }, () => 1) }),
  'a long suffix for 1,024 prompts': () => ({
    prompt: Array.from({ length: 1_024 }, () => 'x'),
    suffix: 'x'.repeat(LARGE),
  }),
};

const call = <T>(request: T) => ({ requestId: 'req_1', request, timeouts: TIMEOUTS });

/** Refusals are answers, too. */
async function settled(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(context_length|upstream_rejected)/) });
  });
}

/** The longest turns of an answer, whole and streamed, that are longer than they may be. */
const tooLong = async (ways: readonly (() => Promise<unknown>)[], most: number) => {
  const turns: number[] = [];
  for (const way of ways) turns.push(await longestTurnMs(() => settled(way())));
  return turns.filter((ms) => ms > most);
};
const drained = <T>(chunks: Observable<T>) => lastValueFrom(chunks.pipe(reduce((count) => count + 1, 0)));

describe('a request to a sandbox model gives way to others', () => {
  const none = new AbortController().signal;

  beforeAll(async () => {
    // What is loaded and compiled at first use is no request's.
    await sandbox.completeChat(
      call({ model: 'chat', messages: [user(words(2_000))], logprobs: true, top_logprobs: 5 }),
      none,
    );
  });

  const chat = (wanted: Chat, most = LONGEST_MS) => {
    const request: ChatCompletionRequest = { model: 'chat', messages: [user('hi')], ...wanted };
    return tooLong(
      [
        () => sandbox.completeChat(call(request), none),
        () => drained(sandbox.streamChat(call(request), new FlowGate())),
      ],
      most,
    );
  };
  const text = (wanted: Partial<CompletionRequest>, most = LONGEST_MS) => {
    const request: CompletionRequest = { model: 'chat', prompt: 'hi', ...wanted };
    return tooLong(
      [
        () => sandbox.completeText(call(request), none),
        () => drained(sandbox.streamText(call(request), new FlowGate())),
      ],
      most,
    );
  };

  it.each(Object.entries(CHATS))(
    'with %s',
    async (_name, request) => expect(await chat(request())).toEqual([]),
    120_000,
  );
  it.each(Object.entries(hostileSchemas()))(
    'with 8 calls and a schema of %s',
    async (_name, schema) => {
      const tools = functions(8, () => ({ parameters: schema }));
      expect(await chat({ messages: [MENTIONED], tools, n: 4 })).toEqual([]);
      const response_format = { type: 'json_schema' as const, json_schema: { name: 'x', schema } };
      expect(await chat({ response_format, n: 4 })).toEqual([]);
      const said = `JSON schema:\n${JSON.stringify(schema)}`;
      expect(await chat({ messages: [{ role: 'system', content: said }, user('hi')], n: 4 })).toEqual([]);
    },
    120_000,
  );
  it.each(Object.entries(LARGE_CHATS))(
    'with %s',
    async (_name, request) => expect(await chat(request(), LONGEST_OF_LARGE_MS)).toEqual([]),
    120_000,
  );
  it.each(Object.entries(COMPLETIONS))(
    'with %s to go on from',
    async (_name, request) => expect(await text(request())).toEqual([]),
    120_000,
  );
  it.each(Object.entries(LARGE_COMPLETIONS))(
    'with %s to go on from',
    async (_name, request) => expect(await text(request(), LONGEST_OF_LARGE_MS)).toEqual([]),
    120_000,
  );
});
