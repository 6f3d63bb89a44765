import { describe, expect, it } from '@jest/globals';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, Q } from '../support/wire-surfaces.js';

type Over = Record<string, unknown>;

/** Qolaba's published sample, priced as `MODEL` is. */
const SAMPLE_USAGE = wireUsage(22, 495);
const SAMPLE_BILL = {
  prompt_tokens: 22,
  completion_tokens: 495,
  total_tokens: 517,
  total_credit: 0.25,
  total_cost: 0.0012441,
  breakdown: { model: { model: MODEL, credit: 0.25, cost: 0.001244 } },
};

describe('POST /api/v1/chat/completions: what Q answers', () => {
  const app = useWireApp();

  it('case 58: an answer is billed as in the seed’s sample, tokens beside credits', async () => {
    app.upstream.otherwise(json(chatAnswer({ content: 'Paris.', usage: SAMPLE_USAGE })));
    const response = await app.tollgate.post(
      Q.chat,
      chatBody({ messages: [{ role: 'user', content: 'What is the capital of France?' }], stream: false }),
    );
    expect(response.status).toBe(200);
    const text = await response.text();
    // The digits themselves: no 0.0012441000000000001 and no exponent.
    expect(text).toContain('"total_credit":0.25,"total_cost":0.0012441,');
    expect(text).toContain(`"breakdown":{"model":{"model":"${MODEL}","credit":0.25,"cost":0.001244}}`);
    expect(JSON.parse(text)).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{29}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: MODEL,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Paris.', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: expect.objectContaining(SAMPLE_BILL),
      system_fingerprint: 'fp_fake',
    });
  });

  it('case 58: what is shown is what is written down', async () => {
    app.upstream.otherwise(json(chatAnswer({ usage: SAMPLE_USAGE })));
    const response = await app.tollgate.post(Q.chat, chatBody());
    await response.arrayBuffer();
    expect(await app.tollgate.usageOf(response)).toMatchObject({
      surface: 'qolaba',
      costNanoUsd: 1_244_100n,
      creditHundredths: 25n,
    });
  });

  it('case 59: a stream is the seed’s sample: role, content, stop, [DONE], then what it cost', async () => {
    app.upstream.otherwise(sse(chatChunks(['Paris.'], { usage: SAMPLE_USAGE })));
    const { chunks, trailers } = await readStream(
      await app.tollgate.post(Q.chat, chatBody({ stream: true })),
    );
    const [first] = chunks;
    const envelope = {
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{29}$/),
      object: 'chat.completion.chunk',
      created: first?.created,
      model: MODEL,
    };
    expect(chunks).toMatchObject([
      { ...envelope, choices: [{ index: 0, delta: { role: 'assistant' }, finish_reason: null }] },
      { ...envelope, choices: [{ index: 0, delta: { content: 'Paris.' }, finish_reason: null }] },
      { ...envelope, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ]);
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant' },
      { content: 'Paris.' },
      {},
    ]);
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
    expect(trailers).toEqual([{ ...envelope, choices: [], usage: expect.objectContaining(SAMPLE_BILL) }]);
    expect(new Set([...chunks, ...trailers].map(({ id }) => id)).size).toBe(1);
  });

  it('case 60: include_usage true gives usage before [DONE] and the same after it', async () => {
    const body = chatBody({ stream: true, stream_options: { include_usage: true } });
    const { chunks, trailers } = await readStream(await app.tollgate.post(Q.chat, body));
    const [last, ...others] = chunks.toReversed();
    expect(others.every(({ choices, usage }) => choices.length === 1 && usage === null)).toBe(true);
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 3 } });
    expect(trailers).toEqual([last]);
  });

  it.each<[string, Over, number]>([
    ['nothing said', {}, 1],
    ['empty stream_options', { stream_options: {} }, 1],
    ['null stream_options', { stream_options: null }, 1],
    ['include_usage false', { stream_options: { include_usage: false } }, 0],
  ])('case 60: %s gives no usage before [DONE]', async (_name, over, trailerCount) => {
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true, ...over }));
    const { chunks, trailers } = await readStream(response);
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true);
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
    expect(trailers).toHaveLength(trailerCount);
    // Asked of the upstream all the same: it is what we bill by.
    expect((await app.upstream.nextRequest()).body['stream_options']).toEqual({ include_usage: true });
  });

  it('case 71: stream_options without stream is ignored', async () => {
    const response = await app.tollgate.post(Q.chat, chatBody({ stream_options: { include_usage: true } }));
    expect(response.status).toBe(200);
    expect((await app.upstream.nextRequest()).body).not.toHaveProperty('stream_options');
  });

  it('case 72: a temperature or limit that the client did not name is not sent upstream', async () => {
    await app.tollgate.post(Q.chat, chatBody());
    expect((await app.upstream.nextRequest()).body).toEqual({
      model: 'upstream-model',
      messages: [{ role: 'user', content: 'hi' }],
    });
    await app.tollgate.post(Q.chat, chatBody({ temperature: 1, max_tokens: 5 }));
    expect((await app.upstream.nextRequest()).body).toMatchObject({ temperature: 1, max_tokens: 5 });
  });

  it('case 67: text and image together reach the upstream as they were sent', async () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'high' } },
    ];
    const response = await app.tollgate.post(Q.chat, chatBody({ messages: [{ role: 'user', content }] }));
    expect(response.status).toBe(200);
    expect((await app.upstream.nextRequest()).body['messages']).toEqual([{ role: 'user', content }]);
  });

  it('case 67: conversation_id is no field of Q', async () => {
    const response = await app.tollgate.post(Q.chat, chatBody({ conversation_id: 'x'.repeat(300) }));
    expect(response.status).toBe(200);
    expect(response.headers.has('x-conversation-id')).toBe(false);
    expect(await response.json()).not.toHaveProperty('conversation_id');
  });

  it.each<[string, Over, string, string]>([
    ['no model', { model: undefined }, 'model', 'missing_required_parameter'],
    ['no messages', { messages: undefined }, 'messages', 'missing_required_parameter'],
    ['messages {}', { messages: {} }, 'messages', 'invalid_type'],
    ['messages []', { messages: [] }, 'messages', 'empty_array'],
    ['temperature -0.1', { temperature: -0.1 }, 'temperature', 'decimal_below_min_value'],
    ['temperature 2.1', { temperature: 2.1 }, 'temperature', 'decimal_above_max_value'],
    ['top_p -0.1', { top_p: -0.1 }, 'top_p', 'decimal_below_min_value'],
    ['top_p 1.1', { top_p: 1.1 }, 'top_p', 'decimal_above_max_value'],
    ['max_tokens 0', { max_tokens: 0 }, 'max_tokens', 'integer_below_min_value'],
    ['max_tokens -1', { max_tokens: -1 }, 'max_tokens', 'integer_below_min_value'],
    ['max_tokens 1.5', { max_tokens: 1.5 }, 'max_tokens', 'invalid_type'],
    ['max_tokens "5"', { max_tokens: '5' }, 'max_tokens', 'invalid_type'],
    ['five stop sequences', { stop: ['1', '2', '3', '4', '5'] }, 'stop', 'array_above_max_length'],
  ])('case 61, 62: the seed’s table: %s', async (_name, over, param, code) => {
    for (const stream of [false, true]) {
      const response = await app.tollgate.post(Q.chat, chatBody({ ...over, stream }));
      // `expectFailure` counts the keys: four in `error`, and no `detail` beside it.
      await expectFailure(response, Q, 400, { type: 'invalid_request_error', param, code });
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each<[string, Over, string, string]>([
    ['case 66: tool_choice "x"', { tool_choice: 'x' }, 'tool_choice', 'invalid_value'],
    ['case 66: no tool in tools', { tools: [] }, 'tools', 'empty_array'],
    [
      'case 67: an unknown kind of part',
      { messages: [{ role: 'user', content: [{ type: 'foo', foo: 1 }] }] },
      'messages[0].content[0].type',
      'invalid_value',
    ],
    [
      'case 67: a picture that is nowhere',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
        ],
      },
      'messages[0].content[0].image_url.url',
      'invalid_value',
    ],
  ])('%s is refused', async (_name, over, param, code) => {
    await expectFailure(await app.tollgate.post(Q.chat, chatBody(over)), Q, 400, { param, code });
  });
});
