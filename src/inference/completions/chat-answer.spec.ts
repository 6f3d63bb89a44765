import { describe, expect, it } from '@jest/globals';
import type { ChatChoice, FinishReason } from '../../contracts/openai/chat-completion.js';
import {
  type ChatOnly,
  answering,
  choice,
  complete,
  naming,
  token,
  usage,
} from '../../../test/support/chat-only-upstream.js';

/** A candidate whose tokens have these log probabilities. */
function scored(index: number, ...logprobs: number[]): ChatChoice {
  const content = logprobs.map((logprob) => token('t', logprob));
  return choice(index, { content: `c${index}` }, { logprobs: { content, refusal: null } });
}

function refusing(content: string | null): ChatOnly {
  return answering(() => ({ choices: [choice(0, { content, refusal: 'No.' })], usage: undefined }));
}

describe('the choices made of a chat answer', () => {
  it('case 92: echo puts the prompt before the text and says how much of it was not generated', async () => {
    const answer = await complete(answering(naming), { prompt: ['a', 'bc'], echo: true });
    expect(answer.choices).toMatchObject([
      { text: 'a<a0>', echoedChars: 1 },
      { text: 'bc<bc0>', echoedChars: 2 },
    ]);
  });

  it('case 92: logprobs become four parallel arrays with offsets into prompt and completion', async () => {
    const content = [token('é', -0.5), token('😀!', -0.25), token('x', -1)];
    const upstream = answering(() => ({
      choices: [choice(0, { content: 'é😀!x' }, { logprobs: { content, refusal: null } })],
      usage: undefined,
    }));
    const { choices } = await complete(upstream, { prompt: 'two', logprobs: 1 });
    expect(upstream.calls[0]?.request).toMatchObject({ logprobs: true, top_logprobs: 1 });
    expect(choices[0]?.logprobs).toEqual({
      tokens: ['é', '😀!', 'x'],
      token_logprobs: [-0.5, -0.25, -1],
      top_logprobs: [
        { é: -0.5, '?': -9 },
        { '😀!': -0.25, '?': -9 },
        { x: -1, '?': -9 },
      ],
      text_offset: [3, 4, 6],
    });
  });

  it('gives null logprobs where the upstream has none to give', async () => {
    const { choices } = await complete(answering(naming), { logprobs: 2 });
    expect(choices[0]?.logprobs).toBeNull();
  });

  it('best_of asks for that many, returns the n with the highest mean logprob, and pays for all', async () => {
    const upstream = answering(() => ({
      choices: [scored(0, -2, -2), scored(1), scored(2, -0.1), scored(3, -0.5, -0.5, -0.5, -0.5)],
      usage: usage(1, 40),
    }));
    const answer = await complete(upstream, { n: 2, best_of: 4 });
    expect(upstream.calls[0]?.request).toMatchObject({ n: 4, logprobs: true });
    expect(upstream.calls[0]?.request).not.toHaveProperty('top_logprobs');
    expect(answer.choices.map(({ index, text, logprobs }) => [index, text, logprobs])).toEqual([
      [0, 'c2', null],
      [1, 'c3', null],
    ]);
    expect(answer.usage).toMatchObject(usage(1, 40) as object);
  });

  it('best_of without logprobs from the upstream returns the first n', async () => {
    const answer = await complete(answering(naming), { n: 2, best_of: 3 });
    expect(answer.choices.map(({ text }) => text)).toEqual(['<a0>', '<a1>']);
  });

  it.each<[FinishReason, string]>([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['tool_calls', 'stop'],
    ['function_call', 'stop'],
  ])('says %s as %s', async (said, shown) => {
    const upstream = answering(() => ({
      choices: [choice(0, { content: 'x' }, { finish_reason: said })],
      usage: undefined,
    }));
    expect((await complete(upstream, {})).choices[0]?.finish_reason).toBe(shown);
  });

  it('shows a refusal as the text only where there is no other', async () => {
    expect((await complete(refusing(null), {})).choices[0]?.text).toBe('No.');
    expect((await complete(refusing(''), {})).choices[0]?.text).toBe('No.');
    expect((await complete(refusing('Yes'), {})).choices[0]?.text).toBe('Yes');
  });

  it('takes fewer choices than were asked for as a bad response, not as a gap', async () => {
    const upstream = answering(() => ({ choices: [choice(0, { content: 'x' })], usage: undefined }));
    await expect(complete(upstream, { n: 2 })).rejects.toMatchObject({ code: 'upstream_bad_response' });
  });
});
