import { describe, expect, it } from '@jest/globals';
import { cpuMsOf } from '../../../test/support/thread-cpu.js';
import type { CompletionRequest } from '../../contracts/openai/completion.js';
import { countPromptTokens, measureChat, promptTokensAtMost, promptTokensToHold } from '../prompt.js';
import type { ChatPreset } from './chat-preset.js';
import { toChatRequest } from './chat-request.js';
import { measureCalls, measureFirst } from './measure-calls.js';

const preset: ChatPreset = {
  lead: [{ role: 'system', content: 'You are Bot.' }],
  suffixRole: 'user',
  settings: { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } } },
};

describe('measureCalls', () => {
  it.each([{}, { suffix: 'THE END' }])('is the sum of what is sent, with %j', (rest) => {
    const request: CompletionRequest = { model: 'm', prompt: ['a', 'bc', ''], ...rest };
    const calls = ['a', 'bc', ''].map((prompt) => measureChat(toChatRequest(request, prompt, preset)));
    const sum = (of: (call: (typeof calls)[number]) => number): number =>
      calls.reduce((total, call) => total + of(call), 0);
    const measured = measureCalls(request, preset);
    expect(measured).toMatchObject({
      chars: sum(({ chars }) => chars),
      extraTokens: sum(({ extraTokens }) => extraTokens),
    });
    const { texts = [], times = 0 } = measured.repeated ?? {};
    expect(measured.texts.join('').length + texts.join('').length * times).toBe(measured.chars);
    for (const tokensOf of [promptTokensAtMost, promptTokensToHold]) {
      const inAll = sum(tokensOf);
      // Of each call a part of a token may be rounded up.
      expect(tokensOf(measured)).toBeLessThanOrEqual(inAll);
      expect(tokensOf(measured)).toBeGreaterThan(inAll - calls.length);
    }
  });

  it('looks once at what is sent with each prompt, and counts it once', async () => {
    const prompt = Array.from({ length: 1024 }, () => 'x');
    const suffix = 'ab '.repeat(1024 * 1024);
    const measured = measureCalls({ model: 'm', prompt, suffix }, preset);
    // A gigabyte took half a minute.
    expect(cpuMsOf(() => promptTokensToHold(measured))).toBeLessThan(250);
    expect(cpuMsOf(() => promptTokensAtMost(measured))).toBeLessThan(250);
    const seen: string[] = [];
    const counter = {
      count: (texts: Iterable<string>) => {
        const all = [...texts];
        seen.push(...all);
        return Promise.resolve(all.length);
      },
    };
    const { texts = [], times = 0 } = measured.repeated ?? {};
    const tokens = await countPromptTokens(measured, counter);
    expect(tokens).toBe(1024 + texts.length * times + measured.extraTokens);
    expect(seen.filter((text) => text.includes(suffix))).toHaveLength(1);
  });

  it('counts token ids as tokens', () => {
    const one = measureCalls({ model: 'm', prompt: '' }, preset);
    expect(measureCalls({ model: 'm', prompt: [[1, 2], [3]] }, preset)).toMatchObject({
      chars: one.chars * 2,
      extraTokens: one.extraTokens * 2 + 3,
    });
  });

  it('is the prompts alone where nobody is called', () => {
    expect(measureCalls({ model: 'm', prompt: 'abc', max_tokens: 0 }, preset)).toMatchObject({
      texts: ['abc'],
      extraTokens: 0,
    });
  });

  it('of the first call is what a process that dies has certainly sent', () => {
    const first = measureCalls({ model: 'm', prompt: 'abc' }, preset);
    expect(measureFirst({ model: 'm', prompt: ['abc', 'defgh', 'i'] }, preset)).toEqual(first);
    expect(measureFirst({ model: 'm', prompt: 'abc' }, preset)).toEqual(first);
    expect(measureFirst({ model: 'm', prompt: [[1, 2], [3]] }, preset)).toEqual(
      measureCalls({ model: 'm', prompt: [1, 2] }, preset),
    );
  });
});
