import { describe, expect, it } from '@jest/globals';
import type { ChatChunkChoice, ChatDelta } from '../contracts/openai/chat-completion.js';
import { AnswerRecorder } from './answer-recorder.js';

const choice = (delta: ChatDelta, more: Partial<ChatChunkChoice> = {}): ChatChunkChoice => ({
  index: 0,
  delta,
  finish_reason: null,
  ...more,
});

const token = (text: string) => ({ token: text, logprob: 0, bytes: null, top_logprobs: [] });

function record(...choices: ChatChunkChoice[]) {
  const recorder = new AnswerRecorder(1_000);
  for (const each of choices) recorder.add({ choices: [each] });
  return recorder.answer('stop');
}

describe('AnswerRecorder', () => {
  it('joins the text of each choice', () => {
    const { choices } = record(
      choice({ role: 'assistant', content: 'Hel' }),
      choice({ content: 'Salut' }, { index: 1 }),
      choice({ content: 'lo' }, { finish_reason: 'length' }),
    );
    expect(choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', refusal: null },
        finish_reason: 'length',
        logprobs: null,
      },
      {
        index: 1,
        message: { role: 'assistant', content: 'Salut', refusal: null },
        finish_reason: 'stop',
        logprobs: null,
      },
    ]);
  });

  it('joins what was spoken, and keeps only its words where the sound is too long', () => {
    const pieces = [
      { id: 'audio_1', transcript: 'Hel' },
      { data: Buffer.from('ab').toString('base64'), transcript: 'lo' },
      { data: Buffer.from('c').toString('base64') },
      { expires_at: 1_800_000_000 },
    ];
    const words = { id: 'audio_1', transcript: 'Hello', expires_at: 1_800_000_000 };
    for (const [mostSoundChars, audio] of [
      [8, { ...words, data: Buffer.from('abc').toString('base64') }],
      [7, words],
      [0, words],
    ] as const) {
      const recorder = new AnswerRecorder(mostSoundChars);
      for (const piece of pieces) recorder.add({ choices: [choice({ audio: piece })] });
      expect(recorder.answer('stop').choices[0]?.message).toMatchObject({ content: null, audio });
    }
  });

  it('joins the arguments of each tool call, and names it once', () => {
    const { choices } = record(
      choice({
        tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } }],
      }),
      choice({
        tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } }],
      }),
      choice({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }, { finish_reason: 'tool_calls' }),
    );
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
        ],
      },
    });
  });

  it('takes the name of a call from whichever piece has it first', () => {
    const { choices } = record(
      choice({ tool_calls: [{ index: 0, id: 'a', type: 'function', function: { arguments: '' } }] }),
      choice({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '{}' } }] }),
      choice({ tool_calls: [{ index: 0, function: { name: 'f' } }] }, { finish_reason: 'tool_calls' }),
    );
    expect(choices[0]?.message.tool_calls).toEqual([
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
    ]);
  });

  it('joins refusals, reasoning, legacy calls and log probabilities', () => {
    const { choices } = record(
      choice({ reasoning_content: 'hm' }),
      choice({ refusal: 'n' }, { logprobs: { content: [token('a')], refusal: null } }),
      choice({ refusal: 'o' }, { logprobs: { content: [token('b')], refusal: null } }),
      choice({ function_call: { name: 'f', arguments: '{' } }),
      choice({ function_call: { arguments: '}' } }),
    );
    expect(choices[0]?.message).toEqual({
      role: 'assistant',
      content: null,
      refusal: 'no',
      reasoning_content: 'hm',
      function_call: { name: 'f', arguments: '{}' },
    });
    expect(choices[0]?.logprobs?.content?.map(({ token: text }) => text)).toEqual(['a', 'b']);
  });

  it('says the same when it is asked twice', () => {
    const recorder = new AnswerRecorder(1_000);
    recorder.add({ choices: [choice({ content: 'a' })], system_fingerprint: 'fp' });
    expect(recorder.answer('stop')).toEqual(recorder.answer('stop'));
    expect(recorder.answer('stop').system_fingerprint).toBe('fp');
  });

  it('takes as many log probabilities and sources as an upstream puts into one chunk, or into many', () => {
    const many = Array.from({ length: 200_000 }, () => token('a'));
    const recorder = new AnswerRecorder(1_000);
    recorder.add({ choices: [choice({}, { logprobs: { content: many, refusal: many } })] });
    for (let i = 0; i < 50_000; i += 1) {
      recorder.add({ choices: [choice({ annotations: [{ type: 'url_citation' }] })] });
    }
    const [given] = recorder.answer('stop').choices;
    expect(given?.logprobs?.content).toHaveLength(200_000);
    expect(given?.logprobs?.refusal).toHaveLength(200_000);
    expect(given?.message.annotations).toHaveLength(50_000);
  });

  it('leaves log probabilities out that would be longer than a text can be, of all choices together', () => {
    const recorder = new AnswerRecorder(1_000);
    const alternatives = Array.from({ length: 20 }, () => token('a'));
    const piece = Array.from({ length: 10_000 }, () => ({ ...token('a'), top_logprobs: alternatives }));
    const say = (index: number) =>
      recorder.add({
        choices: [{ ...choice({ content: 'a' }, { logprobs: { content: piece, refusal: null } }), index }],
      });
    for (let index = 0; index < 5; index += 1) say(index);
    expect(recorder.answer('stop').choices[4]?.logprobs?.content).toHaveLength(10_000);
    // Each has 10,000 × 21 × 50 characters at least.
    say(5);
    say(6);
    const { choices } = recorder.answer('stop');
    expect(choices).toHaveLength(7);
    for (const { logprobs, message } of choices) {
      expect(logprobs).toBeNull();
      expect(message.content).toBe('a');
    }
  });
});
