import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { askChat, type Answered } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, type WireToolCall } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { promptTokens, type SentMessage } from '../support/prompt-tokens.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';
import { WEATHER_TOOL } from '../support/weather-tool.js';

const SYSTEM: SentMessage = { role: 'system', content: 'You are Bot.' };
const ANSWER: SentMessage = { role: 'assistant', content: 'Hello there!' };
const user = (content: string): SentMessage => ({ role: 'user', content });
const words = (count: number) => 'sun '.repeat(count).trim();

/** Two cities at a time, as call `<step>a` and `<step>b`. */
const callsOf = (step: number): WireToolCall[] =>
  ['a', 'b'].map((letter) => ({
    id: `call_${step}${letter}`,
    name: 'weather',
    arguments: `{"city":"${step}"}`,
  }));
const calling = (step: number): SentMessage => ({
  role: 'assistant',
  content: '',
  tool_calls: callsOf(step).map(({ id, name, arguments: args }) => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  })),
});
const resultsOf = (step: number, content = 'rain'): SentMessage[] =>
  callsOf(step).map(({ id }) => ({ role: 'tool', tool_call_id: id, content }));

const SMALL = `
  - id: test/small
    context_length: 1200
    max_completion_tokens: 200
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: main, model: upstream-model } ]
`;

/** The answer alone is not told from others by its words. */
const isOfLoop = ({ role, content, tool_calls }: SentMessage): boolean =>
  role === 'tool' || tool_calls !== undefined || content === 'weather?';

describe.each([false, true])('what a window keeps of calls of tools (stream: %s)', (stream) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let bot: string;
  let serial = 0;
  let conversation_id: string;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, SMALL) });
    bot = await newChatbot(tollgate, { memory: { kind: 'window', maxTokens: 600 } });
  });
  beforeEach(() => {
    conversation_id = `c-${(serial += 1)}`;
  });
  afterEach(() => upstream.clear());
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  const talk = (messages: readonly SentMessage[], over: Record<string, unknown> = {}): Promise<Answered> =>
    askChat(tollgate, { model: bot, stream, conversation_id, tools: [WEATHER_TOOL], messages, ...over });
  const say = (content: string, over: Record<string, unknown> = {}) => talk([user(content)], over);
  /** The next answer calls tools. */
  const willCall = (step: number) => {
    const toolCalls = callsOf(step);
    upstream.enqueue(stream ? sse(chatChunks([], { toolCalls })) : json(chatAnswer({ toolCalls })));
  };
  const sent = () => upstream.requests.at(-1)?.body['messages'] as SentMessage[];
  const roles = () => sent().map(({ role }) => role);

  it('keeps calls until they are answered, however little room there is', async () => {
    for (let turn = 1; turn <= 6; turn += 1) await say(`${turn} ${words(100)}`);
    expect(sent().length).toBeLessThan(12);
    willCall(1);
    await say(`weather? ${words(80)}`);
    const { status } = await talk(resultsOf(1, words(150)));
    expect(status).toBe(200);
    expect(sent()).toEqual([SYSTEM, user(`weather? ${words(80)}`), calling(1), ...resultsOf(1, words(150))]);
    expect(promptTokens(upstream.requests.at(-1)?.body ?? {})).toBeLessThanOrEqual(600);
  });

  it('keeps or drops the question, its calls, their results and the answer as one', async () => {
    await say('first');
    willCall(1);
    await say('weather?');
    await talk(resultsOf(1));
    const seen = new Set<number>();
    for (let turn = 1; turn <= 8; turn += 1) {
      await say(`${turn} ${words(60)}`);
      seen.add(sent().filter(isOfLoop).length);
    }
    expect(seen).toEqual(new Set([4, 0]));
  });

  it('leaves out calls that nobody answered, and nothing else: upstreams refuse what is sent with them', async () => {
    await say('one');
    willCall(1);
    await say('weather?');
    const { requestId } = await say('never mind');
    expect(sent()).toEqual([SYSTEM, user('one'), ANSWER, user('weather?'), user('never mind')]);
    expect((await tollgate.usageOf(requestId))?.context?.conversation).toMatchObject({
      messages_stored: 4,
      messages_sent: 3,
      messages_dropped: 1,
    });
    const late = await talk(resultsOf(1));
    expect([late.status, late.error.code]).toEqual([400, null]);
  });

  it.each(['system', 'developer'])(
    'takes results beside the %s message that a client always sends',
    async (role) => {
      const always = { role, content: 'Be brief.' };
      willCall(1);
      await talk([always, user('weather?')]);
      expect((await talk([always, ...resultsOf(1)])).status).toBe(200);
      expect(sent()).toEqual([SYSTEM, user('Be brief.'), user('weather?'), calling(1), ...resultsOf(1)]);
      for (const over of [
        {},
        { model: MODEL },
        { conversation_id: undefined },
        { model: MODEL, conversation_id: '' },
      ]) {
        const stray = await talk([always, ...resultsOf(2)], over);
        expect(stray.status).toBe(400);
        expect(stray.error.message).toContain('Invalid parameter');
      }
    },
  );

  it('refuses half of the results, and takes all of them then', async () => {
    willCall(1);
    await say('weather?');
    const [first] = resultsOf(1);
    const half = await talk([first as SentMessage]);
    expect(half.status).toBe(400);
    expect(half.error.message).toContain('call_1b');
    expect((await talk(resultsOf(1))).status).toBe(200);
    expect(sent()).toEqual([SYSTEM, user('weather?'), calling(1), ...resultsOf(1)]);
  });

  it.each(['the results alone', 'the whole history'])(
    'stores a loop of tools once, told by %s',
    async (told) => {
      const loop = { model: await newChatbot(tollgate) };
      const history = [user('weather?')];
      willCall(1);
      await talk(history, loop);
      for (const step of [1, 2, 3]) {
        if (step < 3) willCall(step + 1);
        history.push(calling(step), ...resultsOf(step));
        await talk(told === 'the whole history' ? history : resultsOf(step), loop);
        expect(sent()).toEqual([SYSTEM, ...history]);
      }
      const { requestId } = await say('thanks', loop);
      expect(sent()).toEqual([SYSTEM, ...history, ANSWER, user('thanks')]);
      expect((await tollgate.usageOf(requestId))?.context?.conversation?.messages_stored).toBe(11);
    },
  );

  it('sends a long loop from its question on, where one turn is remembered', async () => {
    const loop = { model: await newChatbot(tollgate, { memory: { kind: 'turns', turns: 1 } }) };
    await say('before', loop);
    willCall(1);
    await say('weather?', loop);
    const steps = 30;
    for (let step = 1; step <= steps; step += 1) {
      if (step < steps) willCall(step + 1);
      expect((await talk(resultsOf(step), loop)).status).toBe(200);
      expect(sent()).toHaveLength(2 + 3 * step);
      expect(roles().slice(0, 3)).toEqual(['system', 'user', 'assistant']);
    }
    await say('thanks', loop);
    expect(sent()).toHaveLength(3 + 3 * steps + 1);
    expect(sent()[1]).toEqual(user('weather?'));
    await say('bye', loop);
    expect(sent()).toEqual([SYSTEM, user('thanks'), ANSWER, user('bye')]);
  }, 60_000);

  it('drops the oldest calls of a loop that outgrows the model, and never its question', async () => {
    const loop = {
      model: await newChatbot(tollgate, { model: 'test/small', memory: { kind: 'turns', turns: 1 } }),
    };
    await say('before', loop);
    willCall(1);
    await say('weather?', loop);
    const steps = 30;
    for (let step = 1; step <= steps; step += 1) {
      willCall(step + 1);
      expect((await talk(resultsOf(step, words(15)), loop)).status).toBe(200);
      expect(promptTokens(upstream.requests.at(-1)?.body ?? {})).toBeLessThanOrEqual(1000);
      const first = step - (sent().length - 2) / 3 + 1;
      expect(sent()).toEqual([
        SYSTEM,
        user('weather?'),
        ...Array.from({ length: step - first + 1 }, (_, i) => [
          calling(first + i),
          ...resultsOf(first + i, words(15)),
        ]).flat(),
      ]);
    }
    expect(sent().length).toBeLessThan(3 * steps);
    const kept = sent();
    await say('go on', loop);
    const newest = kept.slice(-3);
    expect(sent().slice(0, 2)).toEqual([SYSTEM, user('weather?')]);
    expect(sent().slice(-4)).toEqual([...newest, user('go on')]);
  }, 60_000);

  it('refuses what the model has no room for even alone, charges nothing, and goes on', async () => {
    const small = { model: await newChatbot(tollgate, { model: 'test/small' }) };
    await say('one', small);
    const tooLong = await say(words(1200), small);
    expect([tooLong.status, tooLong.error.code]).toEqual([400, 'context_length_exceeded']);
    expect(tooLong.error.message).toContain('maximum context length leaves 1199 tokens');
    willCall(1);
    await say('weather?', small);
    const results = await talk(resultsOf(1, words(600)), small);
    expect([results.status, results.error.code]).toEqual([400, 'context_length_exceeded']);
    expect((await talk(resultsOf(1), small)).status).toBe(200);
    expect(sent()).toEqual([SYSTEM, user('one'), ANSWER, user('weather?'), calling(1), ...resultsOf(1)]);
    expect(await tollgate.usageOf(tooLong.requestId)).toBeUndefined();
  });

  it.each(['window', 'turns', 'none'] as const)(
    'answers what fits into the model, however little that leaves the answer (%s)',
    async (kind) => {
      const memory = kind === 'turns' ? { kind, turns: 5 } : { kind, maxTokens: 100 };
      const small = { model: await newChatbot(tollgate, { model: 'test/small', memory }) };
      await say('one', small);
      const { status } = await say(words(1050), small);
      expect(status).toBe(200);
      expect(sent()).toEqual([SYSTEM, user(words(1050))]);
      const body = upstream.requests.at(-1)?.body ?? {};
      const left = 1200 - promptTokens(body);
      expect(left).toBeLessThan(150);
      // But for a margin: other tokenizers make more of it.
      expect(body['max_tokens']).toBeLessThan(left);
      expect(body['max_tokens']).toBeGreaterThan(left / 2);
    },
  );
});
