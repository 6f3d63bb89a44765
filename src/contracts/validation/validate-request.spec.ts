import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ChatCompletionDto } from '../openai/chat-completion.dto.js';
import { CompletionDto } from '../openai/completion.dto.js';
import type { SurfaceRules } from './rule.js';
import { validateRequest } from './validate-request.js';
import { ValidationFailedError } from './validation.errors.js';

const W: SurfaceRules = { streamOptionsWithoutStream: 'refuse', conversations: true };

const ok = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
const chat = (extra: object): ChatCompletionDto =>
  validateRequest(ChatCompletionDto, { ...ok, ...extra }, { surface: W });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What validation throws at a body, if anything. */
function thrown(Dto: new () => object, body: unknown): unknown {
  try {
    validateRequest(Dto, body, { surface: W });
    return undefined;
  } catch (error) {
    return error;
  }
}

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const validMessage = fc.oneof(
  fc.record({ role: fc.constantFrom('user', 'system', 'developer', 'assistant'), content: fc.string() }),
  fc.record({
    role: fc.constant('user'),
    content: fc.array(
      fc.oneof(
        fc.record({ type: fc.constant('text'), text: fc.string() }),
        fc.record({
          type: fc.constant('image_url'),
          image_url: fc.record({ url: fc.webUrl(), detail: fc.constantFrom('auto', 'low', 'high') }),
        }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }),
);
const validChat = fc.record({
  model: fc.string({ minLength: 1, maxLength: 256 }),
  messages: fc.array(validMessage, { minLength: 1, maxLength: 8 }),
  temperature: optional(fc.double({ min: 0, max: 2, noNaN: true })),
  n: optional(fc.integer({ min: 1, max: 128 })),
  seed: optional(fc.maxSafeInteger()),
  stop: optional(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 })),
  logit_bias: optional(
    fc.dictionary(fc.nat().map(String), fc.integer({ min: -100, max: 100 }), { maxKeys: 5 }),
  ),
  stream: optional(fc.boolean()),
  response_format: optional(fc.constant({ type: 'text' })),
});
const noise = fc.oneof(fc.jsonValue(), fc.constantFrom('__proto__', 'function', 'tool', 'text'));
const almostChat = fc.record(
  {
    model: fc.oneof(fc.string(), noise),
    messages: fc.array(
      fc.record(
        {
          role: fc.constantFrom('user', 'assistant', 'tool', 'function', 'bot'),
          content: fc.oneof(
            noise,
            fc.array(fc.record({ type: fc.constantFrom('text', 'file'), text: noise, file: noise })),
          ),
          tool_calls: fc.oneof(noise, fc.array(fc.record({ id: noise, type: noise, function: noise }))),
          tool_call_id: noise,
        },
        { requiredKeys: [] },
      ),
    ),
    tools: fc.oneof(noise, fc.array(fc.record({ type: fc.constant('function'), function: noise }))),
    tool_choice: fc.oneof(noise, fc.record({ type: noise, function: noise, allowed_tools: noise })),
    response_format: fc.oneof(noise, fc.constant({ type: 'json_object' })),
    stop: noise,
    logit_bias: noise,
    metadata: noise,
    stream_options: noise,
    audio: fc.record({ voice: noise, format: noise }),
  },
  { requiredKeys: [] },
);
const almostCompletion = fc.record(
  { model: noise, prompt: fc.oneof(noise, fc.array(noise)), best_of: noise, n: noise, stop: noise },
  { requiredKeys: [] },
);

describe('what travels on', () => {
  it('S25, S35: known fields only, at every depth', () => {
    const evil = { base_url: 'http://evil', api_key: 'k', credits: 1e9, constructor: {} };
    const request = chat({
      ...evil,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'a', ...evil }], name: 'n', ...evil },
        { role: 'assistant', content: '', reasoning_content: 'hm', tool_calls: [{ ...call('a'), ...evil }] },
        { role: 'tool', tool_call_id: 'a', content: 'x', tool_calls: 'ignored in this role' },
      ],
      tools: [{ type: 'function', function: { name: 'f', parameters: { a: 1 }, ...evil }, ...evil }],
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: null, ...evil },
    });
    expect(plain(request)).toEqual({
      model: 'm',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'a' }], name: 'n' },
        { role: 'assistant', content: '', reasoning_content: 'hm', tool_calls: [call('a')] },
        { role: 'tool', tool_call_id: 'a', content: 'x' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      tools: [{ type: 'function', function: { name: 'f', parameters: { a: 1 } } }],
    });
  });

  it('S8: nothing inherited and nothing that reaches a prototype', () => {
    const body = JSON.parse(
      '{"__proto__":{"temperature":9,"polluted":1},"constructor":{"prototype":{"polluted":1}},"model":"m",' +
        '"messages":[{"__proto__":{"name":"x"},"role":"user","content":"hi"}]}',
    ) as unknown;
    const request = validateRequest(ChatCompletionDto, body, { surface: W });
    expect(plain(request)).toEqual(ok);
    expect(Object.getPrototypeOf(request)).toBe(ChatCompletionDto.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['', undefined],
    [[], undefined],
    [['', 'a'], ['a']],
    ['a', 'a'],
  ])('case 25: stop %j becomes %j', (stop, kept) => {
    expect(chat({ stop }).stop).toEqual(kept);
  });

  it.each(['9007199254740991', '-9007199254740991'])('keeps a seed of %s', (seed) => {
    expect(String(chat(JSON.parse(`{"seed":${seed}}`) as object).seed)).toBe(seed);
  });

  it.each(['9007199254740993', '-9007199254740993', '9223372036854775807'])(
    'refuses a seed of %s, which JSON would round, rather than send another',
    (seed) => {
      expect(() => chat(JSON.parse(`{"seed":${seed}}`) as object)).toThrow(/'seed'/);
    },
  );

  it('survives unchanged when it is made of known fields', () => {
    fc.assert(
      fc.property(validChat, (body) => {
        expect(plain(validateRequest(ChatCompletionDto, body, { surface: W }))).toEqual(plain(body));
      }),
    );
  });

  it('any JSON value is either taken or refused as invalid, and pollutes nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), almostChat, almostCompletion), (value) => {
        const body = plain(value);
        for (const Dto of [ChatCompletionDto, CompletionDto]) {
          const error = thrown(Dto, body);
          expect(error === undefined || error instanceof ValidationFailedError).toBe(true);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
