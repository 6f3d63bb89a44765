import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { lastValueFrom, toArray } from 'rxjs';
import { SystemClock } from '../../src/common/clock/clock.js';
import type { ChatCompletionRequest } from '../../src/contracts/openai/chat-completion.js';
import type { UpstreamTimeouts } from '../../src/contracts/upstream-timeouts.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { AiSdkAdapter } from '../../src/upstreams/providers/ai-sdk/adapter.js';
import { VENDORS } from '../../src/upstreams/providers/ai-sdk/vendors.js';
import { UpstreamError } from '../../src/upstreams/upstream.errors.js';
import type { ChatChunk, UpstreamCall } from '../../src/upstreams/upstream.port.js';
import {
  ANTHROPIC_KEY,
  anthropicEvent,
  anthropicEvents,
  anthropicFailure,
  anthropicMessage,
  FakeAnthropic,
} from '../support/fake-anthropic.js';
import {
  FakeGemini,
  GEMINI_KEY,
  geminiCandidate,
  geminiChunk,
  geminiEvent,
  geminiFailure,
} from '../support/fake-gemini.js';
import { openStream, resetConnection, sendJson, type Responder } from '../support/fake-vendor.js';

const PATIENT: UpstreamTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 10_000,
  betweenChunksMs: 10_000,
  totalMs: 15_000,
};

const anthropic = new FakeAnthropic();
const gemini = new FakeGemini();
let claude: AiSdkAdapter;
let google: AiSdkAdapter;

beforeAll(async () => {
  await Promise.all([anthropic.start(), gemini.start()]);
  claude = adapter('anthropic', anthropic.baseUrl, ANTHROPIC_KEY);
  google = adapter('google', gemini.baseUrl, GEMINI_KEY);
});

afterEach(() => {
  anthropic.reset();
  gemini.reset();
});

afterAll(async () => {
  await Promise.all([claude.close(), google.close()]);
  await Promise.all([anthropic.stop(), gemini.stop()]);
});

function adapter(vendor: keyof typeof VENDORS, baseUrl: string, apiKey: string): AiSdkAdapter {
  const config = { baseUrl, apiKey, maxConnections: 16, timeouts: PATIENT };
  return new AiSdkAdapter(VENDORS[vendor], config, new SystemClock());
}

function call(
  request: Partial<ChatCompletionRequest> = {},
  timeouts: Partial<UpstreamTimeouts> = {},
): UpstreamCall<ChatCompletionRequest> {
  return {
    requestId: 'req_1',
    timeouts: { ...PATIENT, ...timeouts },
    request: { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }], ...request },
  };
}

function geminiCall(
  request: Partial<ChatCompletionRequest> = {},
  timeouts: Partial<UpstreamTimeouts> = {},
): UpstreamCall<ChatCompletionRequest> {
  return call({ model: 'gemini-2.5-flash', ...request }, timeouts);
}

const never = new AbortController().signal;

function stream(upstream: AiSdkAdapter, of: UpstreamCall<ChatCompletionRequest>): Promise<ChatChunk[]> {
  return lastValueFrom(upstream.streamChat(of, new FlowGate()).pipe(toArray()));
}

/** Chunks up to the failure, and the failure. */
function brokenStream(
  upstream: AiSdkAdapter,
  of: UpstreamCall<ChatCompletionRequest>,
): Promise<{ chunks: ChatChunk[]; error: UpstreamError }> {
  const chunks: ChatChunk[] = [];
  return new Promise((resolve, reject) => {
    upstream.streamChat(of, new FlowGate()).subscribe({
      next: (chunk) => chunks.push(chunk),
      error: (error: unknown) => resolve({ chunks, error: asUpstreamError(error) }),
      complete: () => reject(new Error('the stream completed')),
    });
  });
}

async function failure(answer: Promise<unknown>): Promise<UpstreamError> {
  const error = await answer.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  return asUpstreamError(error);
}

function asUpstreamError(error: unknown): UpstreamError {
  if (!(error instanceof UpstreamError)) throw error;
  return error;
}

function deltas(chunks: ChatChunk[], index = 0): ChatChunk['choices'][number]['delta'][] {
  return chunks
    .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ delta }) => delta);
}

function textOf(chunks: ChatChunk[], index = 0): string {
  return deltas(chunks, index)
    .map(({ content }) => content ?? '')
    .join('');
}

function finishReasons(chunks: ChatChunk[]): (string | null)[] {
  return chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).filter(Boolean);
}

const WEATHER_TOOL: NonNullable<ChatCompletionRequest['tools']>[number] = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

const TOOL_LOOP: ChatCompletionRequest['messages'] = [
  { role: 'user', content: 'Weather in Oslo and Rome?' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      { id: 'call_2', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
  { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'sun' }] },
];

describe('AiSdkAdapter and Anthropic', () => {
  it('answers with text, finish reason and usage', async () => {
    const answer = await claude.completeChat(call({ max_tokens: 64 }), never);
    expect(answer.choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello there.', refusal: null },
        finish_reason: 'stop',
        logprobs: null,
      },
    ]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 });
    expect(anthropic.last).toMatchObject({ method: 'POST', path: '/v1/messages' });
    expect(anthropic.last.headers).toMatchObject({
      'x-api-key': ANTHROPIC_KEY,
      'accept-encoding': 'identity',
    });
    expect(anthropic.last.body).toMatchObject({ model: 'claude-sonnet-4-5', max_tokens: 64 });
  });

  it('streams the same text in pieces, the role once, one finish chunk, usage last', async () => {
    const chunks = await stream(claude, call());
    expect(textOf(chunks)).toBe('Hello there.');
    expect(deltas(chunks).filter(({ role }) => role !== undefined)).toHaveLength(1);
    expect(finishReasons(chunks)).toEqual(['stop']);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 5 } });
    expect(anthropic.last.body['stream']).toBe(true);
  });

  it('sends system and developer messages first and in order', async () => {
    await claude.completeChat(
      call({
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'hi' },
          { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
        ],
      }),
      never,
    );
    expect(anthropic.last.body['system']).toEqual([
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.' },
    ]);
    expect(anthropic.last.body['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
    ]);
  });

  it('max_completion_tokens wins over max_tokens; with neither Anthropic still gets a limit', async () => {
    await claude.completeChat(call({ max_tokens: 500, max_completion_tokens: 20 }), never);
    expect(anthropic.last.body['max_tokens']).toBe(20);
    await claude.completeChat(call(), never);
    expect(anthropic.last.body['max_tokens']).toEqual(expect.any(Number));
  });

  it('passes sampling and stop sequences, and does not invent what was not asked', async () => {
    await claude.completeChat(call({ temperature: 0.2, stop: 'END' }), never);
    expect(anthropic.last.body).toMatchObject({ temperature: 0.2, stop_sequences: ['END'] });
    await claude.completeChat(call(), never);
    expect(Object.keys(anthropic.last.body).sort()).toEqual(['max_tokens', 'messages', 'model']);
  });

  it('makes a tool call and takes its result back, whole and streamed', async () => {
    const calls = {
      content: [
        { type: 'tool_use' as const, id: 'toolu_1', name: 'weather', input: { city: 'Oslo' } },
        { type: 'tool_use' as const, id: 'toolu_2', name: 'now', input: {} },
      ],
      stop_reason: 'tool_use',
    };
    anthropic.next(anthropicMessage(calls), anthropicMessage(calls));
    const request = { tools: [WEATHER_TOOL], tool_choice: 'required' as const, parallel_tool_calls: false };
    const answer = await claude.completeChat(call(request), never);
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [
          { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
          { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
        ],
      },
    });
    expect(anthropic.last.body).toMatchObject({
      tools: [{ name: 'weather', input_schema: { type: 'object', required: ['city'] } }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
    });

    const chunks = await stream(claude, call(request));
    const toolDeltas = deltas(chunks).flatMap((delta) => delta.tool_calls ?? []);
    expect(toolDeltas.filter(({ id }) => id !== undefined)).toEqual([
      { index: 0, id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '' } },
      { index: 1, id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '' } },
    ]);
    const fragments = toolDeltas.filter(({ id }) => id === undefined);
    for (const fragment of fragments) expect(Object.keys(fragment)).toEqual(['index', 'function']);
    const argumentsOf = (index: number): string =>
      fragments
        .filter((fragment) => fragment.index === index)
        .map((fragment) => fragment.function?.arguments ?? '')
        .join('');
    expect([argumentsOf(0), argumentsOf(1)]).toEqual(['{"city":"Oslo"}', '{}']);
    expect(finishReasons(chunks)).toEqual(['tool_calls']);

    await claude.completeChat(call({ messages: TOOL_LOOP, tools: [WEATHER_TOOL] }), never);
    expect(anthropic.last.body['messages']).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Oslo' } },
          { type: 'tool_use', id: 'call_2', name: 'weather', input: { city: 'Rome' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1', content: 'rain' },
          { type: 'tool_result', tool_use_id: 'call_2', content: 'sun' },
        ],
      },
    ]);
  });

  it('sends images as data and PDFs as documents', async () => {
    await claude.completeChat(
      call({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
              { type: 'file', file: { filename: 'a.pdf', file_data: 'JVBERi0xLjc=' } },
            ],
          },
        ],
      }),
      never,
    );
    expect(anthropic.last.body['messages']).toMatchObject([
      {
        content: [
          { type: 'text' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjc=' },
          },
        ],
      },
    ]);
  });

  it('S24: passes image URLs on and never fetches one, not even through the package', async () => {
    let hits = 0;
    const bait = createServer((_, response) => {
      hits += 1;
      response.end();
    });
    await new Promise<void>((resolve) => bait.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(bait.address() as AddressInfo).port}/cat.png`;
    const messages: ChatCompletionRequest['messages'] = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url } }] },
    ];
    await claude.completeChat(call({ messages }), never);
    expect(anthropic.last.body['messages']).toMatchObject([{ content: [{ source: { type: 'url', url } }] }]);
    await stream(claude, call({ messages }));

    const refused = await failure(google.completeChat(geminiCall({ messages }), never));
    expect(refused).toMatchObject({
      code: 'upstream_rejected_request',
      param: 'messages[0].content[0].image_url.url',
      safeToRetry: true,
    });
    for (const evil of ['file:///etc/passwd', 'gopher://10.0.0.1/', '//169.254.169.254/x']) {
      const content: ChatCompletionRequest['messages'][number]['content'] = [
        { type: 'image_url', image_url: { url: evil } },
      ];
      const error = await failure(
        claude.completeChat(call({ messages: [{ role: 'user', content }] }), never),
      );
      expect(error.code).toBe('upstream_rejected_request');
    }
    expect(hits).toBe(0);
    expect(gemini.seen).toHaveLength(0);
    bait.close();
  });

  it('case 57: shows thinking as reasoning_content, within the maximum that was asked for', async () => {
    const thinking = {
      content: [
        { type: 'thinking' as const, thinking: 'Let me see.', signature: 'c2ln' },
        { type: 'text' as const, text: '42' },
      ],
      usage: { input_tokens: 10, output_tokens: 30, output_tokens_details: { thinking_tokens: 20 } },
    };
    anthropic.next(anthropicMessage(thinking), anthropicMessage(thinking));
    const request = { reasoning_effort: 'medium', max_completion_tokens: 8000 };
    const answer = await claude.completeChat(call(request), never);
    expect(answer.choices[0]?.message).toMatchObject({ content: '42', reasoning_content: 'Let me see.' });
    expect(answer.usage).toMatchObject({ completion_tokens_details: { reasoning_tokens: 20 } });
    expect(anthropic.last.body).toMatchObject({
      max_tokens: 8000,
      thinking: { type: 'enabled', budget_tokens: 2400 },
    });

    const chunks = await stream(claude, call(request));
    const reasoning = deltas(chunks).map((delta) => delta.reasoning_content ?? '');
    expect(reasoning.join('')).toBe('Let me see.');
    expect(textOf(chunks)).toBe('42');
  });

  it('asks a model that thinks adaptively by effort', async () => {
    await claude.completeChat(
      call({ model: 'claude-opus-4-6', reasoning_effort: 'high', max_tokens: 500 }),
      never,
    );
    expect(anthropic.last.body).toMatchObject({
      max_tokens: 500,
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
  });

  it('json_schema becomes the native output format; json_object an instruction', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'number' } },
      required: ['a'],
      additionalProperties: false,
    };
    await claude.completeChat(
      call({
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      }),
      never,
    );
    expect(anthropic.last.body).toMatchObject({ output_config: { format: { type: 'json_schema', schema } } });
    await claude.completeChat(call({ response_format: { type: 'json_object' } }), never);
    expect(JSON.stringify(anthropic.last.body['system'])).toContain('JSON');
  });

  it('counts fresh, cached and cache-written tokens all as prompt tokens', async () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 1000,
      output_tokens: 5,
    };
    anthropic.next(anthropicMessage({ usage }), anthropicMessage({ usage }));
    const expected = {
      prompt_tokens: 1110,
      completion_tokens: 5,
      total_tokens: 1115,
      prompt_tokens_details: { cached_tokens: 100, cache_write_tokens: 1000 },
    };
    expect((await claude.completeChat(call(), never)).usage).toMatchObject(expected);
    expect((await stream(claude, call())).at(-1)?.usage).toMatchObject(expected);
  });

  it('case 45: n = 2 is two calls with indices 0 and 1, usage summed once', async () => {
    const answer = await claude.completeChat(call({ n: 2 }), never);
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 24, completion_tokens: 10, total_tokens: 34 });
    const chunks = await stream(claude, call({ n: 2 }));
    expect([textOf(chunks, 0), textOf(chunks, 1)]).toEqual(['Hello there.', 'Hello there.']);
    expect(chunks.filter(({ usage }) => usage !== undefined)).toEqual([
      { choices: [], usage: expect.objectContaining({ total_tokens: 34 }) },
    ]);
    expect(anthropic.seen).toHaveLength(4);
  });

  it('n = 2: one failed choice fails the answer and aborts the other', async () => {
    const stuck: Responder = () => undefined;
    const arrival = anthropic.arrival();
    anthropic.next(stuck, anthropicFailure(529, 'overloaded_error', 'Overloaded'));
    const error = await failure(claude.completeChat(call({ n: 2 }), never));
    expect(error.code).toBe('upstream_unavailable');
    await (
      await arrival
    ).closed;
  });
});

describe('AiSdkAdapter and Gemini', () => {
  it('answers with text, finish reason and usage with cached and thought tokens', async () => {
    gemini.next(
      geminiCandidate({
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 60,
          candidatesTokenCount: 5,
          thoughtsTokenCount: 20,
          totalTokenCount: 125,
        },
      }),
    );
    const answer = await google.completeChat(
      geminiCall({ max_tokens: 64, seed: 7, stop: ['A', 'B'] }),
      never,
    );
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello there.' } });
    expect(answer.usage).toMatchObject({
      prompt_tokens: 100,
      completion_tokens: 25,
      total_tokens: 125,
      prompt_tokens_details: { cached_tokens: 60 },
      completion_tokens_details: { reasoning_tokens: 20 },
    });
    expect(gemini.last.path).toBe('/v1beta/models/gemini-2.5-flash:generateContent');
    expect(gemini.last.headers['x-goog-api-key']).toBe(GEMINI_KEY);
    expect(gemini.last.body).toMatchObject({
      generationConfig: { maxOutputTokens: 64, seed: 7, stopSequences: ['A', 'B'] },
    });
  });

  it('streams text and thoughts', async () => {
    gemini.next(
      geminiCandidate({
        parts: [{ text: 'Let me see.', thought: true }, { text: 'Hello ' }, { text: 'there.' }],
      }),
    );
    const chunks = await stream(google, geminiCall({ reasoning_effort: 'low' }));
    expect(textOf(chunks)).toBe('Hello there.');
    expect(
      deltas(chunks)
        .map((delta) => delta.reasoning_content ?? '')
        .join(''),
    ).toBe('Let me see.');
    expect(finishReasons(chunks)).toEqual(['stop']);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 17 } });
    expect(gemini.last.path).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse');
    expect(gemini.last.body).toMatchObject({
      generationConfig: { thinkingConfig: { includeThoughts: true } },
    });
  });

  it('makes tool calls with an id of ours where Gemini gives none, and takes results back', async () => {
    const candidate = {
      parts: [
        { functionCall: { name: 'weather', args: { city: 'Oslo' } } },
        { functionCall: { name: 'now' } },
      ],
    };
    gemini.next(geminiCandidate(candidate), geminiCandidate(candidate));
    const answer = await google.completeChat(geminiCall({ tools: [WEATHER_TOOL] }), never);
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [
          {
            id: expect.stringMatching(/^call_[0-9a-z]{24}$/),
            function: { name: 'weather', arguments: '{"city":"Oslo"}' },
          },
          { function: { name: 'now', arguments: '{}' } },
        ],
      },
    });
    const toolDeltas = deltas(await stream(google, geminiCall({ tools: [WEATHER_TOOL] }))).flatMap(
      (delta) => delta.tool_calls ?? [],
    );
    expect(toolDeltas.map(({ index, function: fn }) => [index, fn?.name, fn?.arguments])).toEqual([
      [0, 'weather', ''],
      [0, undefined, '{"city":"Oslo"}'],
      [1, 'now', ''],
      [1, undefined, '{}'],
    ]);

    await google.completeChat(geminiCall({ messages: TOOL_LOOP, tools: [WEATHER_TOOL] }), never);
    expect(gemini.last.body['contents']).toMatchObject([
      { role: 'user' },
      {
        role: 'model',
        parts: [{ functionCall: { name: 'weather' } }, { functionCall: { name: 'weather' } }],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'weather', response: { content: 'rain' } } },
          { functionResponse: { name: 'weather', response: { content: 'sun' } } },
        ],
      },
    ]);
  });

  it('sends system, image, audio and JSON schema', async () => {
    const schema = { type: 'object', properties: { a: { type: 'number' } } };
    await google.completeChat(
      geminiCall({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
              { type: 'image_url', image_url: { url: 'https://example.com/cat.webp?x=1' } },
              { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
            ],
          },
          { role: 'system', content: 'Be brief.' },
        ],
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
      }),
      never,
    );
    expect(gemini.last.body).toMatchObject({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        {
          role: 'user',
          parts: [
            { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
            { fileData: { mimeType: 'image/webp', fileUri: 'https://example.com/cat.webp?x=1' } },
            { inlineData: { mimeType: 'audio/wav', data: 'UklGRg==' } },
          ],
        },
      ],
      generationConfig: { responseMimeType: 'application/json', responseJsonSchema: schema },
    });
  });

  it('a blocked prompt is a content_filter answer, a malformed call a failure', async () => {
    gemini.next((_, response) => sendJson(response, 200, { promptFeedback: { blockReason: 'SAFETY' } }));
    const blocked = await google.completeChat(geminiCall(), never);
    expect(blocked.choices[0]).toMatchObject({ finish_reason: 'content_filter', message: { content: '' } });
    gemini.next(geminiCandidate({ parts: [{ text: '' }], finishReason: 'MALFORMED_FUNCTION_CALL' }));
    expect((await failure(google.completeChat(geminiCall(), never))).code).toBe('upstream_bad_response');
  });
});

describe('AiSdkAdapter when the upstream fails', () => {
  const cases: [string, Responder, Partial<UpstreamError>][] = [
    [
      'U6: 429 with its retry-after',
      anthropicFailure(429, 'rate_limit_error', 'Slow down', { 'retry-after': '2' }),
      { code: 'upstream_rate_limited', retryAfterMs: 2000, upstreamStatus: 429, safeToRetry: true },
    ],
    [
      'U8: 529 overloaded',
      anthropicFailure(529, 'overloaded_error', 'Overloaded'),
      { code: 'upstream_unavailable', upstreamStatus: 529, safeToRetry: true },
    ],
    [
      'U8: 500',
      anthropicFailure(500, 'api_error', 'Internal server error at 10.0.0.7'),
      { code: 'upstream_unavailable', message: 'The upstream failed.', safeToRetry: false },
    ],
    [
      'U9: 401, which is our key and our alarm',
      anthropicFailure(401, 'authentication_error', `invalid x-api-key ${ANTHROPIC_KEY}`),
      { code: 'upstream_error', alert: true },
    ],
    [
      'U9: an empty account, which Anthropic calls a bad request',
      anthropicFailure(
        400,
        'invalid_request_error',
        'Your credit balance is too low to access the Anthropic API.',
      ),
      { code: 'upstream_error', alert: true },
    ],
    [
      'U10: a prompt too long',
      anthropicFailure(400, 'invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
      {
        code: 'context_length_exceeded',
        param: 'messages',
        message: expect.stringMatching(/maximum context length.*208310 tokens > 200000/) as never,
      },
    ],
    [
      'S29: a rejected request, in its own words without our key and its host',
      anthropicFailure(
        400,
        'invalid_request_error',
        `tools.0.name: bad, see https://docs.claude.com/x (key ${ANTHROPIC_KEY}, host api.anthropic.com)`,
      ),
      {
        code: 'upstream_rejected_request',
        message:
          'The upstream rejected the request: tools.0.name: bad, see [url] (key [redacted], host [host])',
      },
    ],
    [
      'U11: HTML with status 200',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hi</html>'),
      { code: 'upstream_bad_response' },
    ],
    ['U11: an empty object', (_, response) => sendJson(response, 200, {}), { code: 'upstream_bad_response' }],
    [
      'U12: an answer cut short',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"id":"msg_01"', () => resetConnection(response));
      },
      { code: 'upstream_bad_response' },
    ],
    [
      'U5: RST before headers, which may have been paid for',
      (_, response) => resetConnection(response),
      { code: 'upstream_unavailable', safeToRetry: false },
    ],
    [
      'U28: a redirect, which is not followed',
      (_, response) => void response.writeHead(302, { location: `${gemini.origin}/v1/messages` }).end(),
      { code: 'upstream_bad_response' },
    ],
  ];

  it.each(cases)('%s: whole and before the first event of a stream', async (_, responder, expected) => {
    anthropic.next(responder, responder);
    const whole = await failure(claude.completeChat(call(), never));
    const { chunks, error: streamed } = await brokenStream(claude, call());
    expect(chunks).toEqual([]);
    for (const error of [whole, streamed]) {
      expect(error).toMatchObject(expected);
      expectNothingLeaked(error);
    }
    expect(anthropic.seen).toHaveLength(2);
    expect(gemini.seen).toHaveLength(0);
  });

  it.each([
    [
      'U6: 429 with RetryInfo',
      geminiFailure(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.5s' },
      ]),
      { code: 'upstream_rate_limited', retryAfterMs: 34_500 },
    ],
    [
      'U9: a bad key, which Google calls a bad request',
      geminiFailure(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'),
      { code: 'upstream_error', alert: true },
    ],
    [
      'U10: too many tokens',
      geminiFailure(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1206834) exceeds the maximum number of tokens allowed (1048576).',
      ),
      { code: 'context_length_exceeded' },
    ],
    [
      'U8: 503',
      geminiFailure(503, 'UNAVAILABLE', 'The model is overloaded.'),
      { code: 'upstream_unavailable' },
    ],
  ])('Gemini: %s', async (_, responder, expected) => {
    gemini.next(responder, responder);
    expect(await failure(google.completeChat(geminiCall(), never))).toMatchObject(expected);
    expect((await brokenStream(google, geminiCall())).error).toMatchObject(expected);
  });

  it('U1: a refused connection is unavailable and safe to retry; U2: so is an unknown host', async () => {
    const gone = await new FakeAnthropic().start();
    const { baseUrl } = gone;
    await gone.stop();
    for (const url of [baseUrl, 'http://no-such-host.invalid/v1']) {
      const upstream = adapter('anthropic', url, ANTHROPIC_KEY);
      const error = await failure(upstream.completeChat(call(), never));
      expect(error).toMatchObject({ code: 'upstream_unavailable', safeToRetry: true });
      expect(error.message).not.toMatch(/127\.0\.0\.1|no-such-host/);
      expect((await brokenStream(upstream, call())).error.code).toBe('upstream_unavailable');
      await upstream.close();
    }
  });

  it('U15: an error event before the first content fails before any chunk', async () => {
    const overloaded = anthropicEvent({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
    const start = anthropicEvents(
      { content: [], stop_reason: null, usage: { input_tokens: 1, output_tokens: 1 } },
      false,
    );
    for (const events of [[overloaded], [...start, overloaded]]) {
      anthropic.next((_, response) => {
        openStream(response);
        response.end(events.join(''));
      });
      const { chunks, error } = await brokenStream(claude, call());
      expect(chunks).toEqual([]);
      expect(error).toMatchObject({ code: 'upstream_unavailable', upstreamStatus: 529 });
    }
    gemini.next((_, response) => {
      openStream(response);
      response.end(geminiEvent({ error: { code: 429, message: 'Quota', status: 'RESOURCE_EXHAUSTED' } }));
    });
    const { chunks, error } = await brokenStream(google, geminiCall());
    expect(chunks).toEqual([]);
    expect(error.code).toBe('upstream_rate_limited');
  });

  const BEGUN = anthropicEvents(
    {
      content: [{ type: 'text', text: 'Hello there.' }],
      stop_reason: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    },
    false,
  ).join('');

  it('U16: an error event in mid-stream comes after what was said', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      response.end(BEGUN + anthropicEvent({ type: 'error', error: { type: 'api_error', message: 'oops' } }));
    });
    const { chunks, error } = await brokenStream(claude, call());
    expect(textOf(chunks)).toBe('Hello there.');
    expect(error).toMatchObject({ code: 'upstream_unavailable', message: 'The upstream failed.' });
  });

  it('U17: RST in mid-stream is an error, and so is garbage', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      response.write(BEGUN, () => setImmediate(resetConnection, response));
    });
    expect((await brokenStream(claude, call())).error.code).toBe('upstream_bad_response');
    anthropic.next((_, response) => {
      openStream(response);
      response.end(`${BEGUN}data: {"type":\n\n`);
    });
    const { chunks, error } = await brokenStream(claude, call());
    expect(textOf(chunks)).toBe('Hello there.');
    expect(error.code).toBe('upstream_bad_response');
  });

  it('U18: a clean end without a finish reason is an error, at whatever point it comes', async () => {
    const stopOnly = BEGUN + anthropicEvent({ type: 'message_stop' });
    for (const body of ['', BEGUN, stopOnly, ': ping\n\n']) {
      anthropic.next((_, response) => {
        openStream(response);
        response.end(body);
      });
      expect((await brokenStream(claude, call())).error.code).toBe('upstream_bad_response');
    }
    for (const body of ['', geminiChunk([{ text: 'Hello' }])]) {
      gemini.next((_, response) => {
        openStream(response);
        response.end(body);
      });
      expect((await brokenStream(google, geminiCall())).error.code).toBe('upstream_bad_response');
    }
  });

  it('U24: a whole answer to stream: true is an error and not a hang', async () => {
    anthropic.next((request, response) =>
      anthropicMessage({})({ ...request, body: { ...request.body, stream: false } }, response),
    );
    expect((await brokenStream(claude, call())).error.code).toBe('upstream_bad_response');
  });

  it('U20: one byte per packet gives the same text, whole code points included', async () => {
    const message = {
      content: [{ type: 'text' as const, text: 'Grüße 👋 🌍' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    anthropic.next(async (_, response) => {
      openStream(response);
      for (const byte of Buffer.from(anthropicEvents(message).join(''))) {
        await new Promise((resolve) => response.write(Buffer.from([byte]), resolve));
      }
      response.end();
    });
    expect(textOf(await stream(claude, call()))).toBe('Grüße 👋 🌍');
  });

  it('U23: what comes after the end of the message is ignored, and an open socket does not hold the answer up', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      const message = {
        content: [{ type: 'text' as const, text: 'done' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 1 },
      };
      response.write([...anthropicEvents(message), ...anthropicEvents(message)].join(''));
    });
    const chunks = await stream(claude, call());
    expect(textOf(chunks)).toBe('done');
    expect(finishReasons(chunks)).toEqual(['stop']);
  });

  it('U25: gzip is decoded although identity was asked for', async () => {
    const body = JSON.stringify({
      type: 'message',
      id: 'msg_01',
      model: 'm',
      role: 'assistant',
      content: [{ type: 'text', text: 'packed' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    });
    anthropic.next((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(body));
    });
    const answer = await claude.completeChat(call(), never);
    expect(answer.choices[0]?.message.content).toBe('packed');
  });

  it('U3: silence before the first event is a timeout, whole and streamed', async () => {
    const silent: Responder = () => undefined;
    anthropic.next(silent, silent);
    expect((await failure(claude.completeChat(call({}, { totalMs: 50 }), never))).code).toBe(
      'upstream_timeout',
    );
    const { chunks, error } = await brokenStream(claude, call({}, { firstTokenMs: 50 }));
    expect(chunks).toEqual([]);
    expect(error.code).toBe('upstream_timeout');
    await Promise.all(anthropic.seen.map(({ closed }) => closed));
  });

  it('U19: a stall in mid-stream is cut at the deadline between chunks', async () => {
    anthropic.next((_, response) => {
      openStream(response);
      response.write(BEGUN);
    });
    const { chunks, error } = await brokenStream(claude, call({}, { betweenChunksMs: 100 }));
    expect(textOf(chunks)).toBe('Hello there.');
    expect(error.code).toBe('upstream_timeout');
    await anthropic.last.closed;
  });
});

describe('AiSdkAdapter when the caller leaves or is slow', () => {
  it('K1: aborting a whole answer closes the upstream socket', async () => {
    anthropic.next(() => undefined);
    const arrival = anthropic.arrival();
    const caller = new AbortController();
    const answer = failure(claude.completeChat(call(), caller.signal));
    const { closed } = await arrival;
    caller.abort();
    await within(1000, closed);
    expect(await answer).toBeInstanceOf(UpstreamError);
  });

  it('K1: an already aborted call asks nothing of the upstream', async () => {
    expect(await failure(claude.completeChat(call(), AbortSignal.abort()))).toBeInstanceOf(UpstreamError);
    expect(anthropic.seen).toHaveLength(0);
  });

  it('case 51: unsubscribing closes the upstream socket, before and after the first chunk', async () => {
    anthropic.next(() => undefined);
    const arrival = anthropic.arrival();
    const silent = claude.streamChat(call(), new FlowGate()).subscribe();
    const { closed } = await arrival;
    silent.unsubscribe();
    await within(1000, closed);

    anthropic.next((_, response) => {
      openStream(response);
      response.write(
        anthropicEvents(
          {
            content: [{ type: 'text', text: 'Hi' }],
            stop_reason: null,
            usage: { input_tokens: 1, output_tokens: 1 },
          },
          false,
        ).join(''),
      );
    });
    await new Promise<void>((resolve) => {
      const subscription = claude.streamChat(call(), new FlowGate()).subscribe(() => {
        subscription.unsubscribe();
        resolve();
      });
    });
    await within(1000, anthropic.last.closed);
  });

  it('K4: a closed gate stops the reading, so that the upstream is slowed down', async () => {
    const event = anthropicEvent({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'x'.repeat(16_384) },
    });
    const total = 4000;
    let written = 0;
    let stalled: () => void = () => undefined;
    const stall = new Promise<void>((resolve) => (stalled = resolve));
    anthropic.next(async (_, response) => {
      openStream(response);
      const [start = '', ping = '', block = ''] = anthropicEvents(
        {
          content: [{ type: 'text', text: 'x' }],
          stop_reason: null,
          usage: { input_tokens: 1, output_tokens: 1 },
        },
        false,
      );
      response.write(start + ping + block);
      for (; written < total; written += 1) {
        if (response.write(event)) continue;
        const timer = setTimeout(stalled, 300);
        await new Promise((resolve) => response.once('drain', resolve));
        clearTimeout(timer);
      }
      const [stop, end] = anthropicEvents({
        content: [],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 1 },
      }).slice(-2);
      response.end(`${stop}${end}`);
    });
    const flow = new FlowGate();
    let received = 0;
    const finished = new Promise<void>((resolve, reject) => {
      claude.streamChat(call(), flow).subscribe({
        next: () => {
          received += 1;
          if (received === 1) flow.close();
        },
        error: reject,
        complete: resolve,
      });
    });
    await stall;
    expect(received).toBe(1);
    expect(written).toBeLessThan(total);
    flow.open();
    await finished;
    expect(received).toBeGreaterThan(total);
  });

  it('a finished stream gives its socket back: the next request needs no new connection', async () => {
    const fresh = await new FakeAnthropic().start();
    const upstream = adapter('anthropic', fresh.baseUrl, ANTHROPIC_KEY);
    await stream(upstream, call());
    await stream(upstream, call());
    await upstream.completeChat(call(), never);
    expect(new Set(fresh.seen.map(({ clientPort }) => clientPort)).size).toBe(1);
    await upstream.close();
    await fresh.stop();
  });
});

function within(ms: number, promise: Promise<void>): Promise<void> {
  return Promise.race([
    promise,
    new Promise<void>((_, reject) => {
      setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms).unref();
    }),
  ]);
}

/** S29: neither what the client is told nor what the log is given holds our key, the upstream's host or a prompt. */
function expectNothingLeaked(error: UpstreamError): void {
  expect(error.message).not.toMatch(/sk-ant|127\.0\.0\.1|10\.0\.0\.7|anthropic\.com/);
  const cause = error.cause instanceof Error ? `${error.cause.message} ${JSON.stringify(error.cause)}` : '';
  expect(cause).not.toMatch(/sk-ant|"hi"/);
}
