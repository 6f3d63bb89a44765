import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatCompletionRequest } from '../../src/contracts/openai/chat-completion.js';
import {
  AiSdkHarness,
  claudeCall,
  deltas,
  failure,
  finishReasons,
  geminiCall,
  never,
  stream,
  textOf,
} from '../support/ai-sdk-harness.js';
import { ANTHROPIC_KEY, anthropicFailure, anthropicMessage } from '../support/fake-anthropic.js';
import { sendJson, silence } from '../support/fake-vendor.js';
import { WEATHER_TOOL, TOOL_LOOP } from '../support/weather-tool.js';

const harness = new AiSdkHarness();
const { anthropic, gemini } = harness;

beforeAll(() => harness.start());
afterEach(() => harness.reset());
afterAll(() => harness.stop());

describe('AiSdkAdapter and Anthropic', () => {
  it('answers with text, finish reason and usage', async () => {
    const answer = await harness.claude.completeChat(claudeCall({ max_tokens: 64 }), never);
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
    const chunks = await stream(harness.claude, claudeCall());
    expect(textOf(chunks)).toBe('Hello there.');
    expect(deltas(chunks).filter(({ role }) => role !== undefined)).toHaveLength(1);
    expect(finishReasons(chunks)).toEqual(['stop']);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 5 } });
    expect(anthropic.last.body['stream']).toBe(true);
  });

  it('sends system and developer messages first and in order', async () => {
    await harness.claude.completeChat(
      claudeCall({
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
    await harness.claude.completeChat(claudeCall({ max_tokens: 500, max_completion_tokens: 20 }), never);
    expect(anthropic.last.body['max_tokens']).toBe(20);
    await harness.claude.completeChat(claudeCall(), never);
    expect(anthropic.last.body['max_tokens']).toEqual(expect.any(Number));
  });

  it('passes sampling and stop sequences, and does not invent what was not asked', async () => {
    await harness.claude.completeChat(claudeCall({ temperature: 0.2, stop: 'END' }), never);
    expect(anthropic.last.body).toMatchObject({ temperature: 0.2, stop_sequences: ['END'] });
    await harness.claude.completeChat(claudeCall(), never);
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
    const answer = await harness.claude.completeChat(claudeCall(request), never);
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

    const chunks = await stream(harness.claude, claudeCall(request));
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

    await harness.claude.completeChat(claudeCall({ messages: TOOL_LOOP, tools: [WEATHER_TOOL] }), never);
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
    await harness.claude.completeChat(
      claudeCall({
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
    await harness.claude.completeChat(claudeCall({ messages }), never);
    expect(anthropic.last.body['messages']).toMatchObject([{ content: [{ source: { type: 'url', url } }] }]);
    await stream(harness.claude, claudeCall({ messages }));

    const refused = await failure(harness.google.completeChat(geminiCall({ messages }), never));
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
        harness.claude.completeChat(claudeCall({ messages: [{ role: 'user', content }] }), never),
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
    const answer = await harness.claude.completeChat(claudeCall(request), never);
    expect(answer.choices[0]?.message).toMatchObject({ content: '42', reasoning_content: 'Let me see.' });
    expect(answer.usage).toMatchObject({ completion_tokens_details: { reasoning_tokens: 20 } });
    expect(anthropic.last.body).toMatchObject({
      max_tokens: 8000,
      thinking: { type: 'enabled', budget_tokens: 2400 },
    });

    const chunks = await stream(harness.claude, claudeCall(request));
    const reasoning = deltas(chunks).map((delta) => delta.reasoning_content ?? '');
    expect(reasoning.join('')).toBe('Let me see.');
    expect(textOf(chunks)).toBe('42');
  });

  it('asks a model that thinks adaptively by effort', async () => {
    await harness.claude.completeChat(
      claudeCall({ model: 'claude-opus-4-6', reasoning_effort: 'high', max_tokens: 500 }),
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
    await harness.claude.completeChat(
      claudeCall({
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      }),
      never,
    );
    expect(anthropic.last.body).toMatchObject({ output_config: { format: { type: 'json_schema', schema } } });
    await harness.claude.completeChat(claudeCall({ response_format: { type: 'json_object' } }), never);
    expect(JSON.stringify(anthropic.last.body['system'])).toContain('JSON');
  });

  it('json_schema works on models without a native output format, whole and streamed', async () => {
    const json = {
      content: [{ type: 'tool_use' as const, id: 'toolu_1', name: 'json', input: { a: 1 } }],
      stop_reason: 'tool_use',
    };
    anthropic.next(anthropicMessage(json), anthropicMessage(json));
    const request = claudeCall({
      model: 'claude-sonnet-4-20250514',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object', properties: { a: { type: 'number' } } } },
      },
    });
    const answer = await harness.claude.completeChat(request, never);
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: '{"a":1}' } });
    const chunks = await stream(harness.claude, request);
    expect(textOf(chunks)).toBe('{"a":1}');
    expect(finishReasons(chunks)).toEqual(['stop']);
  });

  it('says nothing on the console about what a model does not take', async () => {
    const spies = (['warn', 'error', 'info', 'log'] as const).map((name) => jest.spyOn(console, name));
    await harness.claude.completeChat(claudeCall({ temperature: 2, seed: 7, presence_penalty: 1 }), never);
    await stream(harness.claude, claudeCall({ temperature: 2, seed: 7, presence_penalty: 1 }));
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(anthropic.last.body['temperature']).toBe(1);
  });

  it('lists models', async () => {
    anthropic.next((_, response) =>
      sendJson(response, 200, {
        data: [{ type: 'model', id: 'claude-opus-4-6', created_at: '2026-02-04T00:00:00Z' }],
        has_more: false,
      }),
    );
    await expect(harness.claude.listModels(never)).resolves.toEqual([
      { id: 'claude-opus-4-6', ownedBy: 'anthropic', contextLength: undefined, created: 1_770_163_200 },
    ]);
    expect(anthropic.last).toMatchObject({ method: 'GET', path: '/v1/models?limit=1000' });
    anthropic.next(anthropicFailure(401, 'authentication_error', 'invalid x-api-key'));
    expect(await failure(harness.claude.listModels(never))).toMatchObject({
      code: 'upstream_error',
      alert: true,
    });
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
    expect((await harness.claude.completeChat(claudeCall(), never)).usage).toMatchObject(expected);
    expect((await stream(harness.claude, claudeCall())).at(-1)?.usage).toMatchObject(expected);
  });

  it('case 45: n = 2 is two calls with indices 0 and 1, usage summed once', async () => {
    const answer = await harness.claude.completeChat(claudeCall({ n: 2 }), never);
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 24, completion_tokens: 10, total_tokens: 34 });
    const chunks = await stream(harness.claude, claudeCall({ n: 2 }));
    expect([textOf(chunks, 0), textOf(chunks, 1)]).toEqual(['Hello there.', 'Hello there.']);
    expect(chunks.filter(({ usage }) => usage !== undefined)).toEqual([
      { choices: [], usage: expect.objectContaining({ total_tokens: 34 }) },
    ]);
    expect(anthropic.seen).toHaveLength(4);
  });

  it('n = 2: one failed choice fails the answer and aborts the other', async () => {
    const arrival = anthropic.arrival();
    anthropic.next(silence, anthropicFailure(529, 'overloaded_error', 'Overloaded'));
    const error = await failure(harness.claude.completeChat(claudeCall({ n: 2 }), never));
    expect(error.code).toBe('upstream_unavailable');
    await (
      await arrival
    ).closed;
  });
});
