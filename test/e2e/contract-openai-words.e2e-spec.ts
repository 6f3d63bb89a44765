import { describe, expect, it } from '@jest/globals';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, completionBody, L, Q, SURFACES, W } from '../support/wire-surfaces.js';

type Over = Record<string, unknown>;

const KEY = `kkk${'x'.repeat(64)}zzz`;
const image = (url: string): Over => ({
  messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
});
const expectedImage =
  "Invalid 'messages[0].content[0].image_url.url'. Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got ";

describe('words that clients know from OpenAI', () => {
  const app = useWireApp();

  describe.each([W, Q])('$name', (surface) => {
    it.each<[string, Over, unknown, string | null, string | null]>([
      [
        'top_logprobs without logprobs',
        { top_logprobs: 2 },
        "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        'top_logprobs',
        null,
      ],
      [
        'a logit_bias above 100',
        { logit_bias: { 50256: 101 } },
        expect.stringMatching(/101.* -100 to 100/),
        'logit_bias',
        null,
      ],
      [
        'a logit_bias below -100',
        { logit_bias: { 1: -100.5e3 } },
        expect.stringMatching(/-100500/),
        'logit_bias',
        null,
      ],
      [
        'a logit_bias of a word',
        { logit_bias: { You: 6 } },
        "Invalid key in 'logit_bias': You. You should only be submitting non-negative integers.",
        'logit_bias',
        null,
      ],
      [
        'a logit_bias that is no object',
        { logit_bias: 'x' },
        "Invalid type for 'logit_bias': expected an object, but got a string instead.",
        'logit_bias',
        'invalid_type',
      ],
      ['an empty model', { model: '' }, 'you must provide a model parameter', null, null],
      [
        'a long key of metadata',
        { metadata: { [KEY]: 'v' } },
        "Invalid property name in 'metadata': 'kkk...zzz' is too long. Expected a string with maximum length 64, but got a string with length 70 instead.",
        `metadata.${KEY}`,
        'property_name_above_max_length',
      ],
      [
        'a long value of metadata',
        { metadata: { k: 'v'.repeat(513) } },
        "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.",
        'metadata.k',
        'string_above_max_length',
      ],
      [
        'seventeen pairs of metadata',
        { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) },
        "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
        'metadata',
        'object_above_max_properties',
      ],
      [
        'metadata that is a string',
        { metadata: 'x' },
        "Invalid type for 'metadata': expected a metadata object, but got a string instead.",
        'metadata',
        'invalid_type',
      ],
      [
        'metadata that is an array',
        { metadata: [] },
        "Invalid type for 'metadata': expected a metadata object, but got an array instead.",
        'metadata',
        'invalid_type',
      ],
      [
        'a data URL of text',
        image('data:text/plain;base64,aGk='),
        `${expectedImage}unsupported MIME type 'text/plain'.`,
        'messages[0].content[0].image_url.url',
        'invalid_value',
      ],
      [
        'a data URL without base64',
        image('data:image/png,hi'),
        `${expectedImage}a value without the ';base64' separator.`,
        'messages[0].content[0].image_url.url',
        'invalid_value',
      ],
      [
        'a data URL without a comma',
        image('data:image/png;base64'),
        `${expectedImage}a value without the ';base64' separator.`,
        'messages[0].content[0].image_url.url',
        'invalid_value',
      ],
      [
        'a data URL with nothing in it',
        image('data:image/png;base64,'),
        `${expectedImage}empty base64-encoded bytes.`,
        'messages[0].content[0].image_url.url',
        'invalid_value',
      ],
      [
        'a data URL with what is no base64',
        image('data:image/png;base64,<svg/>'),
        `${expectedImage}an invalid base64-encoded value.`,
        'messages[0].content[0].image_url.url',
        'invalid_value',
      ],
    ])('%s', async (_name, over, message, param, code) => {
      for (const stream of [false, true]) {
        const response = await app.tollgate.post(surface.chat, chatBody({ ...over, stream }));
        await expectFailure(response, surface, 400, {
          message,
          param,
          code,
        });
      }
    });

    it('asks first whether there is such a model where a request says nothing', async () => {
      const unknown = { status: 404, error: { code: 'model_not_found' } };
      const missing = { status: 400, error: { code: 'missing_required_parameter' } };
      for (const [path, body, expected] of [
        [surface.chat, chatBody({ model: 'nobody/nothing', messages: undefined }), unknown],
        [surface.chat, chatBody({ model: 'bot_nothing', messages: undefined }), unknown],
        [surface.completions, completionBody({ model: 'nobody/nothing', prompt: undefined }), unknown],
        [surface.chat, chatBody({ messages: undefined }), missing],
        [surface.completions, completionBody({ prompt: undefined }), missing],
        [surface.chat, {}, missing],
      ] as const) {
        const response = await app.tollgate.post(path, body);
        expect([path, response.status, await response.json()]).toEqual([
          path,
          expected.status,
          expect.objectContaining({ error: expect.objectContaining(expected.error) }),
        ]);
      }
    });
  });

  it('L tells of broken rules alone, in pydantic’s words, also of an unknown model', async () => {
    const unknown = await app.tollgate.post(L.chat, { model: 'nobody/nothing' });
    expect(await expectFailure(unknown, L, 422, {})).toMatchObject({
      detail: [{ type: 'missing', loc: ['body', 'messages'] }],
    });
    const biased = await app.tollgate.post(L.chat, chatBody({ logit_bias: { 50256: 101 } }));
    expect(await expectFailure(biased, L, 422, {})).toMatchObject({
      detail: [{ type: 'less_than_equal', loc: ['body', 'logit_bias', '50256'], ctx: { le: 100 } }],
    });
  });

  it('L says where a query is at fault, and gives no sentence for a pattern', async () => {
    const { secret } = await app.tollgate.newKey({ manageChatbots: true });
    const ask = async (path: string) => {
      const response = await fetch(`${app.tollgate.origin}${path}`, {
        headers: { authorization: `Bearer ${secret}` },
      });
      return [response.status, ((await response.json()) as { detail: unknown }).detail];
    };
    expect(await ask(`${L.base}/chatbots?limit=0`)).toEqual([
      422,
      [expect.objectContaining({ type: 'greater_than_equal', loc: ['query', 'limit'] })],
    ]);
    expect(await ask(`${L.base}/chatbots?limit=many`)).toEqual([
      422,
      [expect.objectContaining({ type: 'int_type', loc: ['query', 'limit'] })],
    ]);
    expect(await ask(`${L.base}/chatbots?cursor=nothing`)).toEqual([
      422,
      [
        {
          type: 'value_error',
          loc: ['query', 'cursor'],
          msg: 'Value error, expected a next_cursor of this list',
          input: 'nothing',
          ctx: { error: {} },
        },
      ],
    ]);
  });
});

describe('what OpenAI takes', () => {
  const app = useWireApp();

  it('text of the client’s own, whatever characters are in it', async () => {
    const own = 'a\tb\nc\r\n\u001b\u007f\u2028é';
    for (const { chat } of SURFACES) {
      const fields = { user: own, prompt_cache_key: own, safety_identifier: own };
      const answers = [
        await app.tollgate.post(chat, chatBody({ ...fields, metadata: { note: own }, store: true })),
        await app.tollgate.post(chat, chatBody({ ...fields, user: 'u'.repeat(2000) })),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    }
    expect(app.upstream.requests.at(-2)?.body).toMatchObject({ user: own, prompt_cache_key: own });
  });

  it('long sequences that end an answer', async () => {
    for (const { chat, completions } of SURFACES) {
      for (const stop of ['x'.repeat(10_000), ['y', 'x'.repeat(10_000)]]) {
        for (const model of ['test/model', 'sandbox/chat']) {
          const answers = [
            await app.tollgate.post(chat, chatBody({ model, stop })),
            await app.tollgate.post(completions, completionBody({ model, stop })),
          ];
          expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        }
      }
    }
    expect(app.upstream.requests[0]?.body).toMatchObject({ stop: 'x'.repeat(10_000) });
  });

  it('a legacy prompt of null: the beginning of a document', async () => {
    for (const { completions } of SURFACES) {
      for (const model of ['test/native', 'test/model', 'sandbox/chat']) {
        for (const stream of [false, true]) {
          const body = completionBody({ model, prompt: null, stream, max_tokens: 5 });
          const response = await app.tollgate.post(completions, body);
          expect([model, stream, response.status]).toEqual([model, stream, 200]);
          await response.text();
        }
      }
    }
  });

  it('pictures of every kind, and a picture of 5 MB', async () => {
    for (const url of [
      'https://example.com/a.png',
      'data:image/svg+xml;base64,PHN2Zy8+',
      'DATA:image/png;charset=utf-8;BASE64,iVBORw0KGgo=',
      `data:image/png;base64,${'A'.repeat(5_000_000)}`,
    ]) {
      expect((await app.tollgate.post(W.chat, chatBody(image(url)))).status).toBe(200);
    }
  });
});
