import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AiSdkHarness,
  deltas,
  failure,
  finishReasons,
  geminiCall,
  never,
  stream,
  textOf,
} from '../support/ai-sdk-harness.js';
import { GEMINI_KEY, geminiCandidate, geminiFailure } from '../support/fake-gemini.js';
import { sendJson } from '../support/fake-vendor.js';
import { WEATHER_TOOL, TOOL_LOOP } from '../support/weather-tool.js';

const harness = new AiSdkHarness();
const { gemini } = harness;

beforeAll(() => harness.start());
afterEach(() => harness.reset());
afterAll(() => harness.stop());

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
    const answer = await harness.google.completeChat(
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
    const chunks = await stream(harness.google, geminiCall({ reasoning_effort: 'low' }));
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
    const answer = await harness.google.completeChat(geminiCall({ tools: [WEATHER_TOOL] }), never);
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
    const toolDeltas = deltas(await stream(harness.google, geminiCall({ tools: [WEATHER_TOOL] }))).flatMap(
      (delta) => delta.tool_calls ?? [],
    );
    expect(toolDeltas.map(({ index, function: fn }) => [index, fn?.name, fn?.arguments])).toEqual([
      [0, 'weather', ''],
      [0, undefined, '{"city":"Oslo"}'],
      [1, 'now', ''],
      [1, undefined, '{}'],
    ]);

    await harness.google.completeChat(geminiCall({ messages: TOOL_LOOP, tools: [WEATHER_TOOL] }), never);
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
    await harness.google.completeChat(
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

  it('lists the models that generate content', async () => {
    gemini.next((_, response) =>
      sendJson(response, 200, {
        models: [
          {
            name: 'models/gemini-2.5-flash',
            inputTokenLimit: 1_048_576,
            supportedGenerationMethods: ['generateContent', 'countTokens'],
          },
          { name: 'models/text-embedding-004', supportedGenerationMethods: ['embedContent'] },
        ],
      }),
    );
    await expect(harness.google.listModels(never)).resolves.toEqual([
      { id: 'gemini-2.5-flash', ownedBy: 'google', contextLength: 1_048_576 },
    ]);
    gemini.next(geminiFailure(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'));
    expect(await failure(harness.google.listModels(never))).toMatchObject({
      code: 'upstream_error',
      alert: true,
    });
  });

  it('a blocked prompt is a content_filter answer, a malformed call a failure', async () => {
    gemini.next((_, response) => sendJson(response, 200, { promptFeedback: { blockReason: 'SAFETY' } }));
    const blocked = await harness.google.completeChat(geminiCall(), never);
    expect(blocked.choices[0]).toMatchObject({ finish_reason: 'content_filter', message: { content: '' } });
    gemini.next(geminiCandidate({ parts: [{ text: '' }], finishReason: 'MALFORMED_FUNCTION_CALL' }));
    expect((await failure(harness.google.completeChat(geminiCall(), never))).code).toBe('upstream_error');
  });
});
