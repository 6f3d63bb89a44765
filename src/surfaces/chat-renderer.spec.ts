import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ChatChunkChoice, ChatDelta, Usage } from '../contracts/openai/chat-completion.js';
import { ChatRenderer } from './chat-renderer.js';
import type { RendererOptions } from './answer-renderer.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI, type Surface } from './surface.js';

const SURFACES = [WATERFLAI, QOLABA, LIGHTNINGROD];
const ENVELOPE = { id: 'chatcmpl-1', created: 1_760_000_000, model: 'a/"model"' };
const USAGE: Usage = {
  prompt_tokens: 1,
  completion_tokens: 2,
  total_tokens: 3,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: 0,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
};
const BILL = { model: 'a/"model"', costNanoUsd: 1_244_100n, creditHundredths: 25n };

interface Frame {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: {
    index: number;
    delta: ChatDelta & Record<string, unknown>;
    finish_reason: string | null;
    logprobs?: unknown;
  }[];
  usage?: unknown;
  conversation_id?: string;
}

/** One call of the upstream's, which repeats its name every time. */
function call(index: number): { choices: ChatChunkChoice[] } {
  const repeated = { index, id: `call_${index}`, function: { name: 'f', arguments: '{' } };
  return choice({ tool_calls: [repeated] });
}

function begun(index: number, id: string): ChatDelta {
  return { tool_calls: [{ index, id, type: 'function', function: { name: 'f', arguments: '' } }] };
}

function goesOn(index: number): ChatDelta {
  return { tool_calls: [{ index, function: { arguments: '{' } }] };
}

function renderer(surface: Surface, over: Partial<RendererOptions> = {}): ChatRenderer {
  return new ChatRenderer({
    envelope: ENVELOPE,
    surface,
    streamed: true,
    includeUsage: undefined,
    includeObfuscation: false,
    ...over,
  });
}

function choice(delta: ChatDelta, over: Partial<ChatChunkChoice> = {}): { choices: ChatChunkChoice[] } {
  return { choices: [{ index: 0, delta, finish_reason: null, ...over }] };
}

/** Every event must be one line of data; gives the JSON of all but `[DONE]`. */
function parse(frames: string): Frame[] {
  expect(frames).toMatch(/^(?:data: [^\r\n]+\n\n)*$/);
  return frames
    .split('\n\n')
    .slice(0, -1)
    .map((event) => event.slice('data: '.length))
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as Frame);
}

function deltas(frames: string): ChatDelta[] {
  return parse(frames).flatMap(({ choices }) => choices.map(({ delta }) => delta));
}

describe('ChatRenderer', () => {
  it('case 40: keeps the role until there is something to say, and says it once', () => {
    const stream = renderer(LIGHTNINGROD);
    expect(stream.chunk(choice({ role: 'assistant', content: '' }))).toBe('');
    expect(stream.chunk({ choices: [] })).toBe('');
    expect(deltas(stream.chunk(choice({ content: 'a' })))).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'a' },
    ]);
    expect(deltas(stream.chunk(choice({ role: 'assistant', content: 'b' })))).toEqual([{ content: 'b' }]);
  });

  it('case 41: keeps the finish until the answer is settled', () => {
    const stream = renderer(QOLABA);
    stream.chunk(choice({ content: 'a' }));
    expect(stream.chunk(choice({}, { finish_reason: 'stop' }))).toBe('');
    expect(parse(stream.end(USAGE, BILL))[0]?.choices).toEqual([
      { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
    ]);
  });

  it('gives a choice that said nothing its role and its finish', () => {
    const stream = renderer(WATERFLAI);
    stream.chunk(choice({ role: 'assistant' }, { finish_reason: 'stop' }));
    expect(deltas(stream.end(USAGE, BILL))).toEqual([{ role: 'assistant', content: '', refusal: null }, {}]);
  });

  it('ends choices that the upstream left open with the reason that it is told', () => {
    const stream = renderer(QOLABA);
    stream.chunk(choice({ content: 'a' }));
    expect(parse(stream.end(USAGE, BILL, 'length'))[0]?.choices[0]?.finish_reason).toBe('length');
  });

  it.each([
    [WATERFLAI, 'content_filter', 'stop'],
    [WATERFLAI, 'function_call', 'tool_calls'],
    [QOLABA, 'content_filter', 'content_filter'],
    [LIGHTNINGROD, 'function_call', 'function_call'],
  ] as const)('C12: on $name $1 is said as $2', (surface, reason, said) => {
    const stream = renderer(surface);
    stream.chunk(choice({ content: 'a' }, { finish_reason: reason }));
    expect(parse(stream.end(USAGE, BILL)).at(surface.credits ? -2 : -1)?.choices[0]?.finish_reason).toBe(
      said,
    );
  });

  it('C12: does not put its own refusal beside one of the upstream', () => {
    const stream = renderer(WATERFLAI);
    stream.chunk(choice({ refusal: 'No.' }, { finish_reason: 'content_filter' }));
    expect(deltas(stream.end(USAGE, BILL))).toEqual([{}]);
  });

  it('case 54: names a call once, whatever the upstream repeats, and counts from 0 in order of appearance', () => {
    const stream = renderer(QOLABA);
    const said = deltas(stream.chunk(call(7)) + stream.chunk(call(7)) + stream.chunk(call(3)));
    expect(said).toEqual([
      { role: 'assistant' },
      begun(0, 'call_7'),
      goesOn(0),
      goesOn(0),
      begun(1, 'call_3'),
      goesOn(1),
    ]);
  });

  it('streams custom tools with their own words', () => {
    const stream = renderer(QOLABA);
    const chunk = choice({
      tool_calls: [{ index: 0, id: 'c', type: 'custom', custom: { name: 'f', input: 'x' } }],
    });
    expect(deltas(stream.chunk(chunk)).slice(1)).toEqual([
      { tool_calls: [{ index: 0, id: 'c', type: 'custom', custom: { name: 'f', input: '' } }] },
      { tool_calls: [{ index: 0, custom: { input: 'x' } }] },
    ]);
  });

  it('passes legacy function calls, annotations and audio on as they are', () => {
    const stream = renderer(QOLABA);
    const parts = [
      { function_call: { name: 'f', arguments: '{}' } },
      { annotations: [{ type: 'url_citation' }] },
      { audio: { id: 'audio_1' } },
    ];
    for (const part of parts) expect(deltas(stream.chunk(choice(part))).at(-1)).toEqual(part);
  });

  it('case 55: says log probabilities also where there is no text to say', () => {
    const stream = renderer(QOLABA);
    const logprobs = { content: [], refusal: null };
    const [, said] = parse(stream.chunk(choice({}, { logprobs })));
    expect(said?.choices[0]).toEqual({ index: 0, delta: { content: '' }, logprobs, finish_reason: null });
  });

  it('names the conversation at the end of a choice and beside the usage, where there is one', () => {
    const stream = renderer(WATERFLAI, {
      envelope: { ...ENVELOPE, conversationId: 'c-1' },
      includeUsage: true,
    });
    expect(parse(stream.chunk(choice({ content: 'a' })))[1]).not.toHaveProperty('conversation_id');
    for (const frame of parse(stream.end(USAGE, BILL))) expect(frame.conversation_id).toBe('c-1');
  });

  it('case 59, C9: repeats the usage after [DONE] where the dialect has credits, in a chunk of its own', () => {
    const frames = renderer(QOLABA).end(USAGE, BILL);
    const [before, after] = frames.split('data: [DONE]\n\n');
    expect(before).toBe('');
    expect(parse(after ?? '')).toEqual([
      {
        ...ENVELOPE,
        object: 'chat.completion.chunk',
        choices: [],
        usage: {
          ...USAGE,
          total_credit: 0.25,
          total_cost: 0.0012441,
          breakdown: { model: { model: BILL.model, credit: 0.25, cost: 0.001244 } },
        },
      },
    ]);
  });

  it('case 49: breaks off with a reason for every open choice and an error that has no choices', () => {
    const stream = renderer(WATERFLAI);
    stream.chunk(choice({ content: 'a' }, { finish_reason: 'stop' }));
    stream.chunk(choice({ content: 'b' }, { index: 2 }));
    const frames = stream.failure(new Error('secret'));
    const parsed = parse(frames);
    expect(parsed.slice(1).map(({ choices }) => choices)).toEqual([
      [{ index: 0, delta: {}, logprobs: null, finish_reason: 'error' }],
      [{ index: 2, delta: {}, logprobs: null, finish_reason: 'error' }],
    ]);
    expect(parsed[0]).toEqual({
      error: {
        message: 'The server had an error while processing your request. Sorry about that!',
        type: 'server_error',
        param: null,
        code: 'upstream_error',
      },
      detail: expect.any(String),
    });
    expect(frames).not.toMatch(/DONE|secret/);
  });

  it('pads every chunk of a choice where that was asked for, and stays JSON', () => {
    const stream = renderer(QOLABA, { includeObfuscation: true, includeUsage: true });
    const frames = parse(stream.chunk(choice({ content: 'a' })) + stream.end(USAGE, BILL));
    for (const frame of frames.filter(({ choices }) => choices.length > 0))
      expect(frame).toHaveProperty('obfuscation', expect.stringMatching(/^[\w-]{1,16}$/));
  });

  const pieces = fc.array(
    fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('\ud83d', '\ude00', '\n', '\u2028')),
  );

  it('case 40, 41, 42, 46: promises hold for any text in any pieces over any choices', () => {
    const news = fc.record({
      index: fc.nat({ max: 3 }),
      content: fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', '\ud83d', '\ude00', 'data: [DONE]\n\n'),
      ),
      reasoning: fc.option(fc.string(), { nil: undefined }),
      finish: fc.constantFrom(null, null, 'stop', 'length'),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...SURFACES),
        fc.array(news),
        fc.boolean(),
        (surface, script, includeUsage) => {
          const stream = renderer(surface, { includeUsage });
          let frames = '';
          for (const { index, content, reasoning, finish } of script) {
            const delta = { content, ...(reasoning === undefined ? {} : { reasoning_content: reasoning }) };
            frames += stream.chunk(choice(delta, { index, finish_reason: finish as 'stop' | null }));
          }
          expect(frames).not.toContain('"finish_reason":"');
          frames += stream.end(USAGE, BILL);

          expect(frames.split('data: [DONE]\n\n')).toHaveLength(2);
          const seen = new Set(script.map(({ index }) => index));
          const chunks = parse(frames).filter(({ choices }) => choices.length > 0);
          for (const index of seen) {
            const own = chunks.flatMap(({ choices }) => choices).filter((one) => one.index === index);
            expect(own.map(({ delta }) => 'role' in delta)).toEqual(own.map((_, n) => n === 0));
            expect(own.map((one) => one.finish_reason !== null)).toEqual(
              own.map((_, n) => n === own.length - 1),
            );
            expect(own.at(-1)?.delta).toEqual({});
            for (const { delta } of own.slice(1, -1)) expect(Object.values(delta)).not.toContain('');
          }
          expect(
            chunks.every(
              ({ id, created, model }) =>
                id === ENVELOPE.id && created === ENVELOPE.created && model === ENVELOPE.model,
            ),
          ).toBe(true);
          expect(chunks.every((chunk) => 'usage' in chunk === includeUsage)).toBe(true);
        },
      ),
    );
  });

  it('case 46: joins to the same text, never cut within a character', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const stream = renderer(LIGHTNINGROD);
        const contents = parts
          .flatMap((content) => deltas(stream.chunk(choice({ content }))))
          .map(({ content }) => content ?? '');
        const whole = parts.join('');
        // A half at the very end has nothing to be joined with.
        expect(contents.join('')).toBe(/[\ud800-\udbff]$/.test(whole) ? whole.slice(0, -1) : whole);
        for (const [n, content] of contents.entries()) {
          const cut = /[\ud800-\udbff]$/.test(content) && /^[\udc00-\udfff]/.test(contents[n + 1] ?? '');
          expect(cut).toBe(false);
        }
      }),
    );
  });
});
