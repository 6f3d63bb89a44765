import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { longestTurnMs } from '../../../test/support/thread-cpu.js';
import type { CompletionRequest } from '../../contracts/openai/completion.js';
import type { ChatPreset } from './chat-preset.js';
import { readPrompts } from './prompts.js';

function read(prompt: CompletionRequest['prompt'], rest: Partial<CompletionRequest> = {}): Promise<string[]> {
  return readPrompts({ model: 'm', prompt, ...rest });
}

describe('readPrompts', () => {
  it('case 90: texts stay as they are, ids become the text that they stand for', async () => {
    await expect(read('a')).resolves.toEqual(['a']);
    await expect(read(['a', ''])).resolves.toEqual(['a', '']);
    await expect(read([1, 2, 3])).resolves.toEqual(['"#$']);
    await expect(read([[1], [2]])).resolves.toEqual(['"', '#']);
  });

  it('any text comes back from its tokens, characters that take several tokens included', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(text, text, async (a, b) => {
        fc.pre(a !== '' && b !== '');
        const ids = [a, b].map((each) => encode(each, { disallowedSpecial: new Set() }));
        expect(await read(ids)).toEqual([a, b]);
      }),
    );
  });

  it('a prompt that ends within a character leaves nothing to the next one', async () => {
    const [first = 0, ...others] = encode('𓀀');
    expect(others).not.toEqual([]);
    expect(await read([[first], [1]])).toEqual(['\uFFFD', '"']);
    expect(await read(encode('é'))).toEqual(['é']);
  });

  it.each([199_998, 199_999, 200_018, 2 ** 31 - 1, -1])(
    'refuses %i, which stands for no text',
    async (id) => {
      await expect(read([1, id])).rejects.toMatchObject({
        code: 'upstream_rejected_request',
        param: 'prompt',
        message: expect.stringContaining(String(id)),
      });
    },
  );

  it('S18: ids that decode to more text than any model reads are refused, however they are spread', async () => {
    const [dashes = 0] = encode('-'.repeat(64));
    const ids = Array<number>(200_000).fill(dashes);
    await expect(read(ids)).resolves.toHaveLength(1);
    await expect(read([ids, ids])).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'prompt',
    });
  });

  it('S18: an echo that n multiplies beyond all measure is refused', async () => {
    const prompt = 'x'.repeat(1024 * 1024);
    await expect(read(prompt, { n: 17 })).resolves.toHaveLength(1);
    await expect(read(prompt, { n: 16, echo: true })).resolves.toHaveLength(1);
    await expect(read(prompt, { n: 17, echo: true })).rejects.toMatchObject({
      code: 'upstream_rejected_request',
      param: 'echo',
    });
  });

  it('refuses prompts that are too many for what goes with each of them, and makes nothing of it', async () => {
    const prompt = Array.from({ length: 1024 }, () => 'x');
    await expect(read(prompt, { suffix: 'x'.repeat(60_000) })).resolves.toHaveLength(1024);
    await expect(read(prompt, { suffix: 'x'.repeat(70_000), max_tokens: 0 })).resolves.toHaveLength(1024);
    const refused = { code: 'upstream_rejected_request', param: 'prompt' };
    await expect(read(prompt, { suffix: 'x'.repeat(70_000) })).rejects.toMatchObject(refused);
    const preset: ChatPreset = {
      lead: [{ role: 'system', content: 'x'.repeat(1_000_000) }],
      suffixRole: 'user',
      settings: {},
    };
    await expect(readPrompts({ model: 'm', prompt }, preset)).rejects.toMatchObject(refused);
    await expect(readPrompts({ model: 'm', prompt: 'x' }, preset)).resolves.toEqual(['x']);
  });

  it('decodes millions of ids in slices', async () => {
    const ids = Array.from({ length: 2_000_000 }, (_, i) => (i * 7919) % 199_000);
    await read([1]);
    let chars = 0;
    const longest = await longestTurnMs(async () => {
      chars = (await read(ids))[0]?.length ?? 0;
    });
    expect(chars).toBeGreaterThan(2_000_000);
    expect(longest).toBeLessThan(400);
  });

  it('decodes as one what is decoded in slices', async () => {
    const text = '漢字 and 𓀀 '.repeat(10_000);
    expect(await read(encode(text))).toEqual([text]);
  });
});
