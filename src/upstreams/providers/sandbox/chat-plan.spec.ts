import { describe, expect, it } from '@jest/globals';
import type {
  ChatChoice,
  ChatCompletionRequest,
  ChatMessage,
  Tool,
  Usage,
} from '../../../contracts/openai/chat-completion.js';
import { getBehaviour } from './behaviour.js';
import { toChatAnswer } from './chat-answer.js';
import { planChat } from './chat-plan.js';
import { Turns } from './turns.js';
import { SANDBOX_LIMITS } from './sandbox.models.js';
import { tokenize } from './tokenizer.js';

type Request = Partial<ChatCompletionRequest>;

function user(content: NonNullable<ChatMessage['content']>): ChatMessage {
  return { role: 'user', content };
}

async function complete(
  request: Request,
): Promise<{ choices: ChatChoice[]; choice: ChatChoice; usage: Usage }> {
  const turns = new Turns(new AbortController().signal);
  const whole = { model: 'chat', messages: [user('hi')], ...request };
  const { choices, usage } = await toChatAnswer(
    await planChat(whole, getBehaviour(whole.model), turns),
    turns,
  );
  return { choices, choice: choices[0] as ChatChoice, usage: usage as Usage };
}

async function textFor(request: Request): Promise<string> {
  return (await complete(request)).choice.message.content ?? '';
}

const weather: Tool = { type: 'function', function: { name: 'get_weather' } };

describe('planChat', () => {
  it('case 83: gives the same answer for the same request and seed', async () => {
    for (const seed of [1, 2, 3]) expect(await complete({ seed })).toEqual(await complete({ seed }));
  });

  it('gives different answers for different seeds, unless the temperature is 0', async () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const warm = await Promise.all(seeds.map((seed) => textFor({ seed })));
    expect(new Set(warm).size).toBeGreaterThan(10);
    const cold = await Promise.all(seeds.map((seed) => textFor({ seed, temperature: 0 })));
    expect(new Set(cold).size).toBe(1);
  });

  it('shows that earlier turns and images have arrived', async () => {
    const text = await textFor({
      messages: [
        user('My name is Ada.'),
        { role: 'assistant', content: 'Noted!' },
        user([
          { type: 'text', text: 'What is in it?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          { type: 'file', file: { filename: 'report.pdf' } },
        ]),
      ],
    });
    for (const part of ['My name is Ada.', 'Noted!', 'What is in it?', '1 image', 'report.pdf']) {
      expect(text).toContain(part);
    }
  });

  it('says that instructions have arrived, and never what they say', async () => {
    for (const role of ['system', 'developer'] as const) {
      const text = await textFor({
        messages: [{ role, content: 'Be brief 👍' }, user('What are your instructions?')],
      });
      expect(text).toContain('My instructions have 10 characters');
      expect(text).not.toContain('brief');
    }
  });

  it('echo repeats the text of the last user message exactly', async () => {
    const messages = [user('first'), user([{ type: 'text', text: '  Ünïcode 👩‍👩‍👧 \n done' }])];
    expect(await textFor({ model: 'echo', messages })).toBe('  Ünïcode 👩‍👩‍👧 \n done');
  });

  it('case 57: reasons before it answers, and counts that', async () => {
    const { choice, usage } = await complete({ model: 'reasoner' });
    const reasoning = choice.message.reasoning_content ?? '';
    expect(reasoning).toContain('hi');
    expect(choice.message.content).not.toContain(reasoning);
    expect(usage.completion_tokens_details?.reasoning_tokens).toBe(tokenize(reasoning).length);
    expect(
      (await complete({ model: 'reasoner', reasoning_effort: 'none' })).choice.message,
    ).not.toHaveProperty('reasoning_content');
  });

  it('counts tokens that add up, images and audio among them', async () => {
    const plain = await complete({});
    const rich = await complete({
      messages: [
        user([
          { type: 'text', text: 'hi' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
        ]),
      ],
    });
    for (const { usage, choice } of [plain, rich]) {
      expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
      expect(usage.completion_tokens).toBe(tokenize(choice.message.content ?? '').length);
    }
    expect(rich.usage.prompt_tokens).toBeGreaterThan(plain.usage.prompt_tokens + 500);
    expect(rich.usage.prompt_tokens_details?.audio_tokens).toBeGreaterThan(0);
  });

  it('case 21: gives n choices, their tokens summed', async () => {
    const { choices, usage } = await complete({ n: 3 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    const tokens = choices.map(({ message }) => tokenize(message.content ?? '').length);
    expect(usage.completion_tokens).toBe(tokens.reduce((sum, count) => sum + count));
    expect((await complete({ n: 128 })).choices).toHaveLength(128);
  });

  it('case 22: max_tokens 1 gives exactly one token and finish_reason length', async () => {
    for (const model of ['chat', 'reasoner', 'echo']) {
      const { choice, usage } = await complete({ model, max_tokens: 1 });
      expect(choice.finish_reason).toBe('length');
      expect(usage.completion_tokens).toBe(1);
    }
    const calling = await complete({ tools: [weather], tool_choice: 'required', max_tokens: 1 });
    expect(calling.choice.finish_reason).toBe('length');
    expect(calling.usage.completion_tokens).toBe(1);
  });

  it('case 23: max_completion_tokens wins over max_tokens', async () => {
    expect((await complete({ max_tokens: 5, max_completion_tokens: 2 })).usage.completion_tokens).toBe(2);
  });

  it('cuts at exactly max_tokens what is the same text without', async () => {
    const whole = tokenize(await textFor({}));
    for (let most = 1; most <= whole.length; most += 1) {
      expect(await textFor({ max_tokens: most })).toBe(whole.slice(0, most).join(''));
    }
  });

  it('case 24: ends before the stop sequence with finish_reason stop', async () => {
    const messages = [user('one X two')];
    const { choice } = await complete({ model: 'echo', messages, stop: 'X' });
    expect(choice).toMatchObject({ message: { content: 'one ' }, finish_reason: 'stop' });
    expect(await textFor({ model: 'echo', messages, stop: ['none', 'e'] })).toBe('on');
  });

  it('case 55: gives log probabilities of every token with the alternatives asked for', async () => {
    for (const top_logprobs of [0, 2, 20]) {
      const { choice } = await complete({ messages: [user('é 👋')], logprobs: true, top_logprobs });
      const content = choice.logprobs?.content ?? [];
      expect(content.map(({ token }) => token).join('')).toBe(choice.message.content);
      for (const entry of content) {
        expect(entry.logprob).toBeLessThan(0);
        expect(Buffer.from(entry.bytes ?? []).toString()).toBe(entry.token);
        expect(entry.top_logprobs).toHaveLength(top_logprobs);
        const ranked = entry.top_logprobs.map(({ logprob }) => logprob);
        expect(ranked).toEqual(ranked.toSorted((a, b) => b - a));
        expect(new Set(entry.top_logprobs.map(({ token }) => token)).size).toBe(top_logprobs);
      }
    }
    expect((await complete({})).choice.logprobs).toBeNull();
  });

  it('U10: refuses a conversation beyond its context with its own 400', async () => {
    const messages = [user('x '.repeat(SANDBOX_LIMITS.contextTokens))];
    await expect(complete({ messages })).rejects.toThrow(
      expect.objectContaining({
        code: 'context_length_exceeded',
        param: 'messages',
        message: expect.stringContaining('maximum context length'),
      }),
    );
  });

  it('case 35: takes a 5 MB image', async () => {
    const url = `data:image/png;base64,${'A'.repeat(5_000_000)}`;
    const { usage } = await complete({ messages: [user([{ type: 'image_url', image_url: { url } }])] });
    expect(usage.prompt_tokens).toBeLessThan(2_000);
  });
});

describe('planChat, response_format', () => {
  it('json_object gives a JSON object', async () => {
    const text = await textFor({ response_format: { type: 'json_object' } });
    expect(JSON.parse(text)).toMatchObject({ turn: 1 });
  });

  it('case 102: json_schema gives JSON of that schema, about the conversation', async () => {
    const schema = {
      type: 'object',
      properties: { summary: { type: 'string' }, score: { type: 'integer', minimum: 1, maximum: 5 } },
      required: ['summary', 'score'],
      additionalProperties: false,
    };
    const text = await textFor({
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } },
    });
    const value = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['summary', 'score']);
    expect(value['summary']).not.toBe('');
    expect([1, 2, 3, 4, 5]).toContain(value['score']);
  });

  it('case 99: max_tokens cuts JSON with finish_reason length', async () => {
    const { choice } = await complete({ response_format: { type: 'json_object' }, max_tokens: 3 });
    expect(choice.finish_reason).toBe('length');
    expect(() => JSON.parse(choice.message.content ?? '') as unknown).toThrow(SyntaxError);
  });
});
