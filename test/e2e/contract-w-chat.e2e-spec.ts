import { describe, expect, it } from '@jest/globals';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { chatBody, W } from '../support/wire-surfaces.js';

interface Answer {
  conversation_id: string;
  choices: { index: number; message: { content: string }; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/** Every field of the OpenAI request that may be left out. */
const OPTIONAL_FIELDS = [
  'stream', 'stream_options', 'temperature', 'top_p', 'n', 'max_tokens', 'max_completion_tokens', 'stop',
  'presence_penalty', 'frequency_penalty', 'seed', 'logit_bias', 'logprobs', 'top_logprobs', 'tools', 'tool_choice',
  'parallel_tool_calls', 'functions', 'function_call', 'response_format', 'reasoning_effort', 'verbosity',
  'modalities', 'audio', 'prediction', 'service_tier', 'store', 'metadata', 'user', 'safety_identifier',
  'prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options', 'web_search_options', 'moderation',
  'conversation_id',
]; // prettier-ignore

describe('POST /v1/chat/completions: what W does with a request', () => {
  const app = useWireApp();

  async function ask(over: Record<string, unknown>): Promise<Answer> {
    const response = await app.tollgate.post(W.chat, chatBody(over));
    const body = (await response.json()) as Answer;
    expect({ status: response.status, body }).toMatchObject({ status: 200 });
    return body;
  }

  /** What the upstream was asked, but for the messages. */
  async function seenUpstream(): Promise<Record<string, unknown>> {
    const { messages: _messages, ...rest } = (await app.upstream.nextRequest()).body;
    return rest;
  }

  it('case 16: a plain model’s upstream is sent no default that the client did not name', async () => {
    await ask({});
    expect(await seenUpstream()).toEqual({ model: 'upstream-model' });
  });

  it('case 16: temperature and max_tokens reach the upstream as they were sent', async () => {
    await ask({ temperature: 0.3, max_tokens: 77 });
    expect(await seenUpstream()).toEqual({ model: 'upstream-model', temperature: 0.3, max_tokens: 77 });
  });

  it('case 17: null is the same as leaving a field out', async () => {
    await ask(Object.fromEntries(OPTIONAL_FIELDS.map((name) => [name, null])));
    expect(await seenUpstream()).toEqual({ model: 'upstream-model' });
  });

  it('case 21: n 3 gives three choices', async () => {
    const { choices } = await ask({ model: 'sandbox/chat', n: 3 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('case 22: max_tokens 1 cuts after one token and says so', async () => {
    const { choices, usage } = await ask({ model: 'sandbox/chat', max_tokens: 1 });
    expect(choices).toMatchObject([{ finish_reason: 'length' }]);
    expect(usage.completion_tokens).toBe(1);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + 1);
  });

  it('case 23: max_completion_tokens wins over max_tokens', async () => {
    await ask({ max_tokens: 5, max_completion_tokens: 2 });
    expect(await seenUpstream()).toEqual({ model: 'upstream-model', max_completion_tokens: 2 });

    const { choices, usage } = await ask({ model: 'sandbox/chat', max_tokens: 5, max_completion_tokens: 2 });
    expect(choices).toMatchObject([{ finish_reason: 'length' }]);
    expect(usage.completion_tokens).toBe(2);
  });

  it.each([
    ['a text', 'X'],
    ['one of several', ['nowhere', 'X']],
  ])('case 24: an answer ends before its stop sequence (%s)', async (_name, stop) => {
    const { choices } = await ask({
      model: 'sandbox/echo',
      messages: [{ role: 'user', content: 'before X after' }],
      stop,
    });
    expect(choices).toMatchObject([{ message: { content: 'before ' }, finish_reason: 'stop' }]);
    await ask({ stop });
    expect(await seenUpstream()).toEqual({ model: 'upstream-model', stop });
  });

  it('case 26: unknown fields go nowhere', async () => {
    await ask({
      foo: 1,
      top_k: 40,
      base_url: 'http://evil.example',
      extra_headers: { a: 'b' },
      messages: [{ role: 'user', content: 'hi', foo: 1 }],
    });
    const { body } = await app.upstream.nextRequest();
    expect(body).toEqual({ model: 'upstream-model', messages: [{ role: 'user', content: 'hi' }] });
  });

  it.each([
    ['left out', undefined],
    ['null', null],
    ['empty', ''],
    ['the documented default "UID"', 'UID'],
  ])('case 28: a conversation_id that is %s gives a fresh one each time', async (_name, conversation_id) => {
    const ids: string[] = [];
    for (let call = 0; call < 2; call += 1) {
      const response = await app.tollgate.post(W.chat, chatBody({ conversation_id }));
      const body = (await response.json()) as Answer;
      expect(response.headers.get('x-conversation-id')).toBe(body.conversation_id);
      expect(body.conversation_id).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      ids.push(body.conversation_id);
    }
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('case 28: a conversation_id of the client’s own is given back, and kept from the upstream', async () => {
    const response = await app.tollgate.post(W.chat, chatBody({ conversation_id: 'abc' }));
    expect(response.headers.get('x-conversation-id')).toBe('abc');
    expect(await response.json()).toMatchObject({ conversation_id: 'abc' });
    expect(await seenUpstream()).toEqual({ model: 'upstream-model' });
  });

  it('case 28: a stream names its conversation, too', async () => {
    for (const [asked, told] of [
      ['abc', /^abc$/],
      [undefined, /^[0-9a-f-]{36}$/],
    ] as const) {
      const response = await app.tollgate.post(W.chat, chatBody({ conversation_id: asked, stream: true }));
      expect(response.headers.get('x-conversation-id')).toMatch(told);
      await response.arrayBuffer();
    }
  });

  it('case 34: every role and part reaches the upstream as it was sent', async () => {
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] },
      {
        role: 'user',
        name: 'ada',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
          { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERg==' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'a cat' }] },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'I would rather not.' }] },
      { role: 'function', name: 'old', content: '42' },
    ];
    await ask({ messages });
    expect((await app.upstream.nextRequest()).body['messages']).toEqual(messages);
  });

  it('case 35: an image of 5 MB arrives whole', async () => {
    const url = `data:image/png;base64,${'A'.repeat(5 * 1024 * 1024)}`;
    await ask({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] });
    const { body } = await app.upstream.nextRequest();
    const [message] = body['messages'] as { content: { image_url: { url: string } }[] }[];
    expect(message?.content[0]?.image_url.url === url).toBe(true);
  });

  it('case 1: the model is given back as it was asked for, not as the upstream calls it', async () => {
    const response = await app.tollgate.post(W.chat, chatBody());
    expect(await response.json()).toMatchObject({ model: MODEL });
    expect((await app.upstream.nextRequest()).body['model']).toBe('upstream-model');
  });
});
