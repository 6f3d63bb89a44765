import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { controlled, sse } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { readStream, type WireChunk } from '../support/wire-stream.js';
import { SURFACES } from '../support/wire-surfaces.js';
import { ContractHarness, FAKE } from './harness.js';
import {
  CALLS_LEGACY_FUNCTION,
  HELLO,
  PERSON_FORMAT,
  TWO_CALLS,
  WEATHER_QUESTION,
  WEATHER_TOOL,
} from './samples.js';
import { brokenChoiceSchema, type ChatStreamFacts } from './schemas/chat-chunk.js';
import { expectChatStream, type HeldStream, kindOf } from './schemas/chat-stream.js';
import { STREAM_ERROR } from './schemas/errors.js';
import { expectToMatchSchema } from './schemas/json-schema.js';

let harness: ContractHarness;
beforeAll(async () => {
  harness = await ContractHarness.start({ HEARTBEAT_MS: '60000', UPSTREAM_IDLE_TIMEOUT_MS: '1000' });
});
afterEach(() => harness.reset());
afterAll(() => harness.close());

describe.each(SURFACES)('every event of a stream on $chat is of one kind and in its place', (surface) => {
  const facts = (model: string, usageAsked = false): ChatStreamFacts => ({
    dialect: surface.name,
    model,
    usageAsked,
  });

  function ask(body: Record<string, unknown>): Promise<Response> {
    return harness.tollgate.post(surface.chat, { messages: HELLO, stream: true, ...body });
  }

  async function streamOf(body: Record<string, unknown> & { model: string }): Promise<HeldStream> {
    const stream = await readStream(await ask(body));
    return expectChatStream(stream, facts(body.model, body['stream_options'] !== undefined));
  }

  const ASKED = { stream_options: { include_usage: true } };

  it.each([
    ['plain', { model: 'sandbox/chat' }, ['content']],
    ['with usage', { model: 'sandbox/chat', ...ASKED }, ['content']],
    ['cut by its length', { model: 'sandbox/chat', max_tokens: 3 }, ['content']],
    ['of a JSON schema', { model: 'sandbox/chat', response_format: PERSON_FORMAT }, ['content']],
    ['with reasoning', { model: 'sandbox/reasoner', ...ASKED }, ['reasoning', 'content']],
    ['empty', { model: 'sandbox/empty' }, []],
    ['without usage from upstream', { model: 'sandbox/no-usage', ...ASKED }, ['content']],
    [
      'calling a tool',
      { model: 'sandbox/chat', messages: WEATHER_QUESTION, tools: [WEATHER_TOOL] },
      ['call'],
    ],
    ['calling a legacy function', { model: 'sandbox/chat', ...CALLS_LEGACY_FUNCTION }, ['call']],
    ['withheld', { model: 'sandbox/refusal', ...ASKED }, ['refusal']],
  ])('case 39, 40, 41: %s', async (_kind, body, kinds) => {
    const stream = await streamOf(body);
    expect([...new Set(stream.kindsOf(0))]).toEqual(['role', ...kinds, 'finish']);
  });

  it('case 45: two choices, each with a role, a reason and one usage for both', async () => {
    const stream = await streamOf({ model: 'sandbox/chat', n: 2, ...ASKED });
    expect(stream.choices).toBe(2);
  });

  it('case 55: log probabilities beside the text', async () => {
    const body = { model: 'sandbox/chat', logprobs: true, top_logprobs: 2 };
    const stream = await readStream(await ask(body));
    expectChatStream(stream, facts(body.model));
    const spoken = stream.chunks.flatMap(({ choices }) => choices.filter(({ delta }) => delta?.['content']));
    for (const { logprobs } of spoken) expect(logprobs).toMatchObject({ content: [expect.anything()] });
  });

  it('case 54: two calls at once', async () => {
    harness.upstream.otherwise(sse(chatChunks([], { toolCalls: TWO_CALLS })));
    const stream = await streamOf({ model: FAKE, tools: [WEATHER_TOOL] });
    expect(stream.kindsOf(0)).toEqual(['role', ...Array<string>(6).fill('call'), 'finish']);
  });

  it('case 39: what a vendor adds of its own stays behind', async () => {
    const chunks = chatChunks();
    for (const chunk of chunks) {
      Object.assign(chunk, { provider: 'Vendor', x_groq: { id: 1 } });
      for (const choice of chunk['choices'] as Record<string, unknown>[]) {
        Object.assign(choice, { native_finish_reason: 'STOP' });
        Object.assign(choice['delta'] as object, { secret: 1, reasoning_details: [] });
      }
    }
    harness.upstream.otherwise(sse(chunks));
    expect((await streamOf({ model: FAKE, ...ASKED })).choices).toBe(1);
  });

  it.each([
    ['broke off', 'reset', 'upstream_error'],
    ['fell silent', 'stall', 'timeout'],
  ] as const)('case 49: one that %s midway', async (_how, ending, code) => {
    const live = controlled();
    harness.upstream.otherwise(live.reply);
    const answer = ask({ model: FAKE });
    for (const chunk of chatChunks(['Two', ' tokens'], { finishReason: null, usage: null }))
      await live.event(chunk);
    const response = await answer;
    await live.end(ending);

    const text = await response.text();
    expect(text).toMatch(/^(?:data: [^\r\n]+\n\n)+$/);
    expect(text).not.toContain('[DONE]');
    const events = text
      .split('\n\n')
      .slice(0, -1)
      .map((event) => JSON.parse(event.slice(6)) as WireChunk);
    // The error first: what knows no finish reason "error" stops there, and must have the message by then.
    const broken = events.pop();
    const failure = events.pop();
    expectToMatchSchema(failure, STREAM_ERROR);
    expect(failure).toMatchObject({ error: { code } });
    expectToMatchSchema(broken, brokenChoiceSchema(facts(FAKE)));
    expect(events.map((event) => kindOf(event, facts(FAKE)))).toEqual(['role', 'content', 'content']);
  });
});
