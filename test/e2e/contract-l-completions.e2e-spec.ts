import { describe, expect, it } from '@jest/globals';
import { json, sse } from '../support/fake-upstream-replies.js';
import { completionAnswer, completionChunks } from '../support/fake-upstream-wire.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { readStream } from '../support/wire-stream.js';
import { completionBody, L, Q, SURFACES, W } from '../support/wire-surfaces.js';

type Over = Record<string, unknown>;

interface Logprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

interface Answer {
  choices: { text: string; index: number; logprobs: Logprobs | null; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/** Both ways of a legacy completion: an upstream that has them, and one that only chats. */
const WAYS = [
  {
    way: 'native',
    model: 'test/native',
    path: '/v1/completions',
    upstreamModel: 'upstream-native',
    limit: 4096,
  },
  {
    way: 'over chat',
    model: MODEL,
    path: '/v1/chat/completions',
    upstreamModel: 'upstream-model',
    limit: 65536,
  },
];

describe('POST /api/public/v1/openai/completions', () => {
  const app = useWireApp();

  async function ask(over: Over, path = L.completions): Promise<Answer> {
    const response = await app.tollgate.post(path, completionBody(over));
    const body = (await response.json()) as Answer;
    expect({ status: response.status, body }).toMatchObject({ status: 200 });
    return body;
  }

  const sandbox = (over: Over) => ask({ model: 'sandbox/echo', ...over });

  it.each(WAYS)('case 88: a prompt is completed ($way)', async ({ way, model, path, upstreamModel }) => {
    expect(await ask({ model, prompt: 'a' })).toEqual({
      id: expect.stringMatching(/^cmpl-[0-9a-f]{29}$/),
      object: 'text_completion',
      created: expect.any(Number),
      model,
      // The fake sends one with chat answers alone.
      ...(way === 'over chat' && { system_fingerprint: 'fp_fake' }),
      choices: [{ text: 'Hello there!', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: expect.objectContaining({ prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 }),
    });
    const request = await app.upstream.nextRequest();
    expect(request.path).toBe(path);
    expect(request.body).toMatchObject({ model: upstreamModel });
  });

  it('case 88: what Q adds to its usage, it adds here too', async () => {
    const { usage } = await ask({}, Q.completions);
    expect(usage).toMatchObject({ total_tokens: 12, total_credit: 0.01, total_cost: 0.0000102 });
  });

  it('case 89: two prompts with two choices each give four, prompt-major', async () => {
    const { choices } = await sandbox({ prompt: ['a', 'b'], n: 2 });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'a'],
      [1, 'a'],
      [2, 'b'],
      [3, 'b'],
    ]);
  });

  it('case 89: the same over an upstream that only chats, usage summed', async () => {
    app.upstream.otherwise((response, request) => {
      const [message] = request.body['messages'] as { content: string }[];
      const choice = (index: number) => ({
        index,
        message: { role: 'assistant', content: `${message?.content}${index}` },
        finish_reason: 'stop',
      });
      const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
      return json({ choices: [choice(0), choice(1)], usage })(response, request);
    });
    const { choices, usage } = await ask({ prompt: ['a', 'b'], n: 2 });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'a0'],
      [1, 'a1'],
      [2, 'b0'],
      [3, 'b1'],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 });
  });

  it.each<[string, unknown, number]>([
    ['[1, 2, 3] is one', [1, 2, 3], 1],
    ['[[1], [2]] is two', [[1], [2]], 2],
    ['["a"] is one', ['a'], 1],
    ['"" is one', '', 1],
  ])('case 90: prompt %s', async (_name, prompt, count) => {
    const { choices } = await ask({ model: 'sandbox/chat', prompt });
    expect(choices.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  it('case 90: token ids reach an upstream that takes them', async () => {
    for (const prompt of [
      [1, 2, 3],
      [[1], [2]],
    ]) {
      app.upstream.enqueue(json(completionAnswer({ n: prompt.length === 2 ? 2 : 1 })));
      await ask({ model: 'test/native', prompt });
      expect((await app.upstream.nextRequest()).body['prompt']).toEqual(prompt);
    }
  });

  it.each<[string, Over, object[], string]>([
    [
      'case 90: no prompt in prompt',
      { prompt: [] },
      [{ type: 'too_short', loc: ['body', 'prompt', 'list[str]'], input: [] }],
      'prompt',
    ],
    [
      'case 90: text among token ids',
      { prompt: [1, 'a'] },
      [{ type: 'int_type', loc: ['body', 'prompt', 'list[int]', 1], input: 'a' }],
      'prompt[1]',
    ],
    [
      'case 90: a prompt that is a number',
      { prompt: 5 },
      [
        { type: 'string_type', loc: ['body', 'prompt', 'str'] },
        { type: 'list_type', loc: ['body', 'prompt', 'list[str]'] },
        { type: 'list_type', loc: ['body', 'prompt', 'list[int]'] },
        { type: 'list_type', loc: ['body', 'prompt', 'list[list[int]]'] },
      ],
      'prompt',
    ],
    [
      'case 91: no prompt',
      { prompt: undefined },
      [{ type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: { model: MODEL } }],
      'prompt',
    ],
    [
      'case 92: logprobs 6',
      { logprobs: 6 },
      [
        {
          type: 'less_than_equal',
          loc: ['body', 'logprobs'],
          msg: 'Input should be less than or equal to 5',
          input: 6,
          ctx: { le: 5 },
        },
      ],
      'logprobs',
    ],
    [
      'case 92: best_of below n',
      { best_of: 1, n: 2 },
      [{ type: 'value_error', loc: ['body', 'best_of'], input: 1 }],
      'best_of',
    ],
    [
      'case 92: best_of 2 streamed',
      { best_of: 2, stream: true },
      [{ type: 'value_error', loc: ['body', 'best_of'], input: 2 }],
      'best_of',
    ],
    [
      'case 92: max_tokens -1',
      { max_tokens: -1 },
      [
        {
          type: 'greater_than_equal',
          loc: ['body', 'max_tokens'],
          msg: 'Input should be greater than or equal to 0',
          input: -1,
          ctx: { ge: 0 },
        },
      ],
      'max_tokens',
    ],
  ])('%s is refused', async (_name, over, expected, param) => {
    const response = await app.tollgate.post(L.completions, completionBody(over));
    const { detail } = await expectFailure(response, L, 422, { type: 'invalid_request_error', param });
    expect(detail).toHaveLength(expected.length);
    expect(detail).toMatchObject(expected);
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('case 92: echo puts the prompt first', async () => {
    app.upstream.otherwise(json(completionAnswer({ text: 'Once upon a time there was' })));
    const native = await ask({ model: 'test/native', prompt: 'Once upon a time', echo: true });
    expect(native.choices[0]?.text).toBe('Once upon a time there was');
    expect((await app.upstream.nextRequest()).body['echo']).toBe(true);

    app.upstream.clear();
    const overChat = await ask({ prompt: 'Once upon a time', echo: true });
    expect(overChat.choices[0]?.text).toBe('Once upon a timeHello there!');

    const played = await sandbox({ prompt: 'Once upon a time', echo: true });
    expect(played.choices[0]?.text).toBe('Once upon a timeOnce upon a time');
  });

  it.each(['sandbox/chat', MODEL])(
    'case 92: echo with max_tokens 0 is the prompt alone (%s)',
    async (model) => {
      const { choices, usage } = await ask({ model, prompt: 'Once upon a time', echo: true, max_tokens: 0 });
      expect(choices).toEqual([
        { text: 'Once upon a time', index: 0, logprobs: null, finish_reason: 'length' },
      ]);
      expect(usage.completion_tokens).toBe(0);
      expect(app.upstream.requests).toHaveLength(0);
    },
  );

  it('case 92: a suffix goes to an upstream that knows what it is', async () => {
    await ask({ model: 'test/native', suffix: ' The end.' });
    expect((await app.upstream.nextRequest()).body['suffix']).toBe(' The end.');
  });

  it('case 92: a suffix is told to an upstream that only chats, and is no part of the text', async () => {
    const { choices } = await ask({ suffix: ' The end.', echo: true });
    expect(choices[0]?.text).toBe('Once upon a timeHello there!');
    expect(JSON.stringify((await app.upstream.nextRequest()).body['messages'])).toContain(' The end.');
  });

  it.each([
    { echo: false, firstOffset: 'Once upon'.length, firstTops: [2, 3] },
    // Nothing comes before an echoed prompt's first token for it to be probable after.
    { echo: true, firstOffset: 0, firstTops: [0] },
  ])(
    'case 92: logprobs 2 gives four arrays of one length (echo $echo)',
    async ({ echo, firstOffset, firstTops }) => {
      const { choices } = await ask({
        model: 'sandbox/chat',
        prompt: 'Once upon',
        logprobs: 2,
        echo,
        max_tokens: 6,
      });
      const { text, logprobs } = choices[0]!;
      const { tokens = [], token_logprobs = [], top_logprobs = [], text_offset = [] } = logprobs ?? {};
      expect(tokens.join('')).toBe(text);
      expect(text_offset[0]).toBe(firstOffset);
      expect([token_logprobs.length, top_logprobs.length, text_offset.length]).toEqual(
        Array.from({ length: 3 }, () => tokens.length),
      );
      const tops = top_logprobs.map((top) => Object.keys(top ?? {}).length);
      expect(firstTops).toContain(tops[0]);
      expect(tops.slice(1).every((count) => count === 2 || count === 3)).toBe(true);
      expect(token_logprobs.map((logprob) => logprob === null)).toEqual(tops.map((count) => count === 0));
    },
  );

  it('case 92: best_of gives the n best, and charges for all', async () => {
    const { choices, usage } = await ask({ model: 'sandbox/chat', best_of: 3, n: 1, max_tokens: 5 });
    expect(choices).toHaveLength(1);
    expect(usage.completion_tokens).toBe(15);
  });

  it.each(WAYS)(
    'case 93: a stream has text, one finish a choice, and no role ($way)',
    async ({ model, way }) => {
      if (way === 'native') app.upstream.otherwise(sse(completionChunks('Hello there!', { n: 2 })));
      const response = await app.tollgate.post(
        L.completions,
        completionBody({ model, stream: true, n: way === 'native' ? 2 : 1 }),
      );
      const { chunks, trailers } = await readStream(response);
      expect(trailers).toEqual([]);
      const [first] = chunks;
      for (const chunk of chunks) {
        expect(chunk).toMatchObject({
          id: first?.id,
          object: 'text_completion',
          created: first?.created,
          model,
        });
        expect(chunk).not.toHaveProperty('usage');
        expect(chunk.choices).toEqual([
          {
            text: expect.any(String),
            index: expect.any(Number),
            logprobs: null,
            finish_reason: chunk.choices[0]?.finish_reason,
          },
        ]);
      }
      expect(first?.id).toMatch(/^cmpl-[0-9a-f]{29}$/);
      for (let index = 0; index < (way === 'native' ? 2 : 1); index += 1) {
        const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
        expect(own.map(({ text }) => text).join('')).toBe('Hello there!');
        expect(own.map(({ finish_reason }) => finish_reason).filter((reason) => reason !== null)).toEqual([
          'stop',
        ]);
        expect(own.at(-1)?.finish_reason).toBe('stop');
      }
    },
  );

  it('case 93: several prompts streamed keep their indices', async () => {
    const response = await app.tollgate.post(
      L.completions,
      completionBody({ model: 'sandbox/echo', prompt: ['one a', 'two b'], stream: true }),
    );
    const { chunks } = await readStream(response);
    const texts = [0, 1].map((index) =>
      chunks
        .flatMap(({ choices }) => choices)
        .filter((choice) => choice.index === index)
        .map(({ text }) => text)
        .join(''),
    );
    expect(texts).toEqual(['one a', 'two b']);
  });

  it('case 93: include_usage gives one last chunk without choices', async () => {
    const body = completionBody({ stream: true, stream_options: { include_usage: true } });
    const { chunks } = await readStream(await app.tollgate.post(L.completions, body));
    const [last, ...others] = chunks.toReversed();
    expect(last).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    });
    expect(others.every(({ choices, usage }) => choices.length === 1 && usage === null)).toBe(true);
  });

  it.each(WAYS)(
    'case 94: without max_tokens W and Q ask for 16, L for the model’s limit ($way)',
    async ({ model, limit }) => {
      const asked: unknown[] = [];
      for (const path of [W.completions, '/completions', Q.completions, L.completions]) {
        await ask({ model }, path);
        asked.push((await app.upstream.nextRequest()).body['max_tokens']);
      }
      expect(asked).toEqual([16, 16, 16, limit]);
    },
  );

  it.each(SURFACES)('case 94: a max_tokens of the client’s own is kept ($name)', async ({ completions }) => {
    await ask({ max_tokens: 7 }, completions);
    expect((await app.upstream.nextRequest()).body['max_tokens']).toBe(7);
  });

  it('case 94: 16 tokens, and no more, on O1', async () => {
    const { choices, usage } = await ask(
      { model: 'sandbox/echo', prompt: 'word '.repeat(40) },
      W.completions,
    );
    expect(usage.completion_tokens).toBe(16);
    expect(choices[0]?.finish_reason).toBe('length');
  });
});

describe('O1: legacy completions of W and Q', () => {
  const app = useWireApp();

  it.each([W, Q])('case 91: a missing prompt is told in OpenAI’s words ($name)', async (surface) => {
    await expectFailure(await app.tollgate.post(surface.completions, { model: MODEL }), surface, 400, {
      message: "Missing required parameter: 'prompt'.",
      param: 'prompt',
      code: 'missing_required_parameter',
    });
  });

  it.each([W, Q])('case 92: best_of below n is refused ($name)', async (surface) => {
    const response = await app.tollgate.post(surface.completions, completionBody({ best_of: 1, n: 2 }));
    await expectFailure(response, surface, 400, { param: 'best_of', code: 'invalid_value' });
  });
});
