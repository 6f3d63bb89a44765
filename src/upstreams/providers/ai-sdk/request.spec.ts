import { describe, expect, it } from '@jest/globals';
import type { ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import type { CallOptions } from './language-model.js';
import { toCallOptions } from './request.js';
import type { VendorAsk } from './vendor.js';
import { VENDORS } from './vendors.js';

const USER = { role: 'user' as const, content: 'hi' };
const PROMPT = [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }];

function options(request: Partial<ChatCompletionRequest>, vendor = VENDORS.google): CallOptions {
  return toCallOptions({ model: 'm', messages: [USER], ...request }, vendor, { options: () => ({}) }, {});
}

function asked(request: Partial<ChatCompletionRequest>): VendorAsk {
  let seen: VendorAsk | undefined;
  const vendorPackage = {
    options: (ask: VendorAsk): Partial<CallOptions> => {
      seen = ask;
      return {};
    },
  };
  toCallOptions({ model: 'm', messages: [USER], ...request }, VENDORS.google, vendorPackage, {});
  if (seen === undefined) throw new Error('the vendor was not asked');
  return seen;
}

describe('toCallOptions', () => {
  it('case 72: a field that the client left out is not there', () => {
    expect(options({})).toEqual({ prompt: PROMPT });
  });

  it('maps what both sides know', () => {
    expect(
      options({
        max_tokens: 10,
        temperature: 0,
        top_p: 0.5,
        stop: 'X',
        seed: 0,
        presence_penalty: 1,
        frequency_penalty: -1,
      }),
    ).toEqual({
      prompt: PROMPT,
      maxOutputTokens: 10,
      temperature: 0,
      topP: 0.5,
      stopSequences: ['X'],
      seed: 0,
      presencePenalty: 1,
      frequencyPenalty: -1,
    });
  });

  it('case 23: max_completion_tokens wins; case 25: an empty stop list is none', () => {
    expect(options({ max_tokens: 5, max_completion_tokens: 2, stop: [] })).toEqual({
      prompt: PROMPT,
      maxOutputTokens: 2,
    });
  });

  it('maps response formats, with an instruction where the vendor has no switch', () => {
    const schema = { type: 'object' };
    expect(options({ response_format: { type: 'text' } })).toEqual({ prompt: PROMPT });
    expect(
      options({ response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } } }),
    ).toMatchObject({ prompt: PROMPT, responseFormat: { type: 'json', name: 'n', schema } });
    expect(options({ response_format: { type: 'json_object' } }, VENDORS.google).prompt).toEqual(PROMPT);
    const instructed = options({ response_format: { type: 'json_object' } }, VENDORS.anthropic);
    expect(instructed.prompt[0]).toMatchObject({ role: 'system', content: expect.stringContaining('JSON') });
  });

  it('tells the vendor what only it can say', () => {
    const tools = [{ type: 'function' as const, function: { name: 'f' } }];
    expect(asked({ parallel_tool_calls: false })).toEqual({
      modelId: 'm',
      maxOutputTokens: undefined,
      effort: undefined,
      parallelToolCalls: undefined,
      toolForced: false,
      insideToolLoop: false,
    });
    expect(
      asked({
        tools,
        tool_choice: 'required',
        parallel_tool_calls: false,
        reasoning_effort: 'xhigh',
        max_tokens: 9,
      }),
    ).toMatchObject({ toolForced: true, parallelToolCalls: false, effort: 'xhigh', maxOutputTokens: 9 });
    expect(asked({ reasoning_effort: 'immense' }).effort).toBeUndefined();
  });

  it('refuses what the answer would lack, and ignores what only nudges', () => {
    expect(() => options({ logprobs: true })).toThrow(expect.objectContaining({ param: 'logprobs' }));
    expect(() => options({ modalities: ['text', 'audio'] })).toThrow(
      expect.objectContaining({ param: 'modalities' }),
    );
    expect(
      options({
        logprobs: false,
        logit_bias: { 5: 1 },
        verbosity: 'low',
        user: 'u',
        metadata: {},
        store: true,
        service_tier: 'default',
        modalities: ['text'],
      }),
    ).toEqual({ prompt: PROMPT });
  });
});
