import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { lastValueFrom, toArray } from 'rxjs';
import type { Usage } from '../../../contracts/openai/chat-completion.js';
import type { CompletionChoice, CompletionRequest } from '../../../contracts/openai/completion.js';
import { FlowGate } from '../../../streaming/flow-gate.js';
import type { CompletionAnswer, CompletionChunk, UpstreamCall } from '../../upstream.port.js';
import { SandboxAdapter } from './sandbox.adapter.js';
import { tokenize } from './tokenizer.js';

const sandbox = new SandboxAdapter({ slowPauseMs: 1 });

function callFor(request: Partial<CompletionRequest>): UpstreamCall<CompletionRequest> {
  return {
    requestId: 'req_1',
    request: { model: 'chat', prompt: 'Once upon a time', ...request },
    timeouts: { connectMs: 5_000, firstTokenMs: 5_000, betweenChunksMs: 5_000, totalMs: 5_000 },
  };
}

async function complete(
  request: Partial<CompletionRequest>,
): Promise<{ choices: CompletionChoice[]; choice: CompletionChoice; usage: Usage }> {
  const { choices, usage } = await sandbox.completeText(callFor(request), new AbortController().signal);
  return { choices, choice: choices[0] as CompletionChoice, usage: usage as Usage };
}

async function stream(request: Partial<CompletionRequest>): Promise<CompletionChunk[]> {
  return lastValueFrom(sandbox.streamText(callFor(request), new FlowGate()).pipe(toArray()));
}

function assemble(chunks: readonly CompletionChunk[]): CompletionAnswer['choices'] {
  const choices: CompletionChoice[] = [];
  const echoed: number[] = [];
  for (const { index, text, logprobs, finish_reason, echoedChars } of chunks.flatMap(
    (chunk) => chunk.choices,
  )) {
    const choice = (choices[index] ??= { index, text: '', logprobs: null, finish_reason: 'stop' });
    choice.text += text;
    if (finish_reason !== null) choice.finish_reason = finish_reason;
    if (echoedChars !== undefined) echoed[index] = (echoed[index] ?? 0) + echoedChars;
    if (logprobs === null) continue;
    choice.logprobs ??= { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    choice.logprobs.tokens.push(...logprobs.tokens);
    choice.logprobs.token_logprobs.push(...logprobs.token_logprobs);
    choice.logprobs.top_logprobs.push(...logprobs.top_logprobs);
    choice.logprobs.text_offset.push(...logprobs.text_offset);
  }
  return choices.map((choice, index) => {
    const echoedChars = echoed[index];
    return echoedChars === undefined ? choice : { ...choice, echoedChars };
  });
}

function tokensOf({ logprobs }: CompletionChoice): string[] {
  return logprobs?.tokens ?? [];
}

function meanLogprob({ logprobs }: CompletionChoice): number {
  const values = (logprobs?.token_logprobs ?? []).map(Number);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('SandboxAdapter, legacy completions', () => {
  it('case 88: continues a prompt', async () => {
    const { choice, usage } = await complete({ prompt: 'a' });
    expect(choice).toMatchObject({ index: 0, logprobs: null, finish_reason: 'stop' });
    expect(usage).toMatchObject({ prompt_tokens: 1, completion_tokens: tokenize(choice.text).length });
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
  });

  it('case 94: has more to say than 16 tokens, whatever the seed', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { choice, usage } = await complete({ seed, max_tokens: 16 });
      expect(choice.finish_reason).toBe('length');
      expect(usage.completion_tokens).toBe(16);
    }
  });

  it('case 89: orders choices by prompt, then by number', async () => {
    const { choices, usage } = await complete({ prompt: ['aaa', 'bbb'], n: 2, echo: true });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(choices.map(({ text }) => text.slice(0, 3))).toEqual(['aaa', 'aaa', 'bbb', 'bbb']);
    const written = choices.map(({ text }) => tokenize(text.slice(3)).length);
    expect(usage.completion_tokens).toBe(written.reduce((sum, count) => sum + count));
    expect(usage.prompt_tokens).toBe(2);
  });

  it('case 90: takes token ids as one prompt or several', async () => {
    const one = await complete({ prompt: [1, 2, 3], echo: true });
    expect(one.choices).toHaveLength(1);
    expect(one.choice.text.startsWith('<1><2><3>')).toBe(true);
    expect(one.usage.prompt_tokens).toBe(3);
    expect((await complete({ prompt: [[1], [2]] })).choices).toHaveLength(2);
  });

  it('case 92: echo begins with the prompt, and max_tokens 0 gives nothing more', async () => {
    expect((await complete({ echo: true })).choice.text).toMatch(/^Once upon a time ./);
    const { choice, usage } = await complete({ echo: true, max_tokens: 0 });
    expect(choice).toMatchObject({ text: 'Once upon a time', finish_reason: 'length' });
    expect(usage.completion_tokens).toBe(0);
  });

  it('tells which characters are the echoed prompt, so that they are not charged', async () => {
    const request = { prompt: 'ünï 👋 x', echo: true };
    const { choice } = await complete(request);
    expect(choice).toHaveProperty('echoedChars', request.prompt.length);
    const parts = (await stream(request)).flatMap(({ choices }) => choices);
    const echoed = parts.map(({ text, echoedChars = 0 }) => text.slice(0, echoedChars));
    expect(echoed.join('')).toBe(request.prompt);
    expect((await complete({ ...request, echo: false })).choice).not.toHaveProperty('echoedChars');
  });

  it('case 92: accepts a suffix and counts it', async () => {
    const plain = await complete({});
    const { usage } = await complete({ suffix: ' the end' });
    expect(usage.prompt_tokens).toBe(plain.usage.prompt_tokens + 2);
  });

  it.each([0, 1, 2, 5])('case 92: logprobs %s gives four parallel arrays', async (logprobs) => {
    for (const echo of [false, true]) {
      const { choice } = await complete({ prompt: 'é 👋 x', logprobs, echo });
      const lists = choice.logprobs ?? { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
      const { tokens, token_logprobs, top_logprobs, text_offset } = lists;
      expect(tokens.join('')).toBe(choice.text);
      expect(new Set(Object.values(lists).map((list) => list.length))).toEqual(new Set([tokens.length]));

      const points = [...(echo ? choice.text : `é 👋 x${choice.text}`)];
      const found = tokens.map((token, at) => {
        const start = text_offset[at] as number;
        return points.slice(start, start + [...token].length).join('');
      });
      expect(found).toEqual(tokens);

      expect(token_logprobs.map((value) => value === null)).toEqual(tokens.map((_, at) => echo && at === 0));
      const known = top_logprobs.filter((entry) => entry !== null);
      expect(known.every((entry) => Object.keys(entry).length <= logprobs + 1)).toBe(true);
      expect(known.every((entry) => Object.keys(entry).length >= Math.max(1, logprobs))).toBe(true);
    }
  });

  it('best_of gives the n likeliest of its candidates and counts them all', async () => {
    const all = await complete({ n: 4, logprobs: 0 });
    const best = await complete({ n: 1, best_of: 4, logprobs: 0 });
    const likeliest = all.choices.toSorted((a, b) => meanLogprob(b) - meanLogprob(a))[0];
    expect(best.choices).toEqual([{ ...likeliest, index: 0 }]);
    expect(best.usage.completion_tokens).toBe(all.usage.completion_tokens);
  });

  it('is bounded in choices, and in prompts that are echoed many times', async () => {
    const prompt = Array.from({ length: 200 }, () => 'a');
    await expect(complete({ prompt, n: 128 })).rejects.toMatchObject({ code: 'upstream_rejected_request' });
    const long = { prompt: 'a '.repeat(2_000), echo: true };
    expect((await complete(long)).choices).toHaveLength(1);
    await expect(complete({ ...long, n: 128 })).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  it('case 93: streams join to exactly the answer that is not streamed', async () => {
    const request = fc.record(
      {
        model: fc.constantFrom('chat', 'echo', 'empty', 'refusal', 'slow'),
        prompt: fc.constantFrom<CompletionRequest['prompt']>('a', ['a b', 'ünï 👋'], [5, 6], [[1], [2, 3]]),
        seed: fc.nat(),
        n: fc.integer({ min: 1, max: 3 }),
        max_tokens: fc.nat(30),
        echo: fc.boolean(),
        logprobs: fc.nat(5),
        stop: fc.constantFrom('the', [',', '.']),
      },
      { requiredKeys: ['model', 'prompt', 'seed'] },
    );
    await fc.assert(
      fc.asyncProperty(request, async (wanted) => {
        const { choices, usage } = await complete(wanted);
        const chunks = await stream(wanted);
        expect(assemble(chunks).map((choice) => ({ ...choice, logprobs: tokensOf(choice) }))).toEqual(
          choices.map((choice) => ({ ...choice, logprobs: tokensOf(choice) })),
        );
        expect(chunks.at(-1)).toEqual({ choices: [], usage, system_fingerprint: 'fp_sandbox' });
      }),
      { numRuns: 100 },
    );
  });

  it('case 93: finishes each index once', async () => {
    const chunks = await stream({ prompt: ['a', 'b'], n: 2 });
    const finished = chunks
      .flatMap(({ choices }) => choices)
      .filter((choice) => choice.finish_reason !== null);
    expect(finished.map(({ index }) => index).toSorted()).toEqual([0, 1, 2, 3]);
  });

  it('has the same failure models as chat', async () => {
    await expect(complete({ model: 'error-429' })).rejects.toMatchObject({ code: 'upstream_rate_limited' });
    await expect(complete({ model: 'truncated' })).rejects.toMatchObject({ code: 'upstream_bad_response' });
    await expect(stream({ model: 'disconnect' })).rejects.toMatchObject({ code: 'upstream_error' });
  });
});
