import { describe, expect, it } from '@jest/globals';
import { answering, complete, naming } from '../../../test/support/chat-only-upstream.js';
import { NO_PRESET, type ChatPreset } from './chat-preset.js';
import { toChatRequest } from './chat-request.js';

describe('the chat request that stands in for a prompt', () => {
  it('case 92: a suffix becomes an instruction and is not echoed', async () => {
    const upstream = answering(naming);
    const answer = await complete(upstream, { prompt: 'a', suffix: 'THE END', echo: true });
    const [system, user] = upstream.calls[0]?.request.messages ?? [];
    expect(system).toMatchObject({ role: 'system', content: expect.stringMatching(/THE END$/) });
    expect(user).toEqual({ role: 'user', content: 'a' });
    expect(answer.choices[0]?.text).toBe('a<a0>');
  });

  it('carries sampling fields over and nothing that chat does not know', async () => {
    const carried = {
      max_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['x'],
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 4,
      logit_bias: { '5': 1 },
      user: 'u',
    };
    const upstream = answering(naming);
    await complete(upstream, { ...carried, n: 2, echo: true, best_of: 2, stream_options: {} });
    expect(upstream.calls[0]?.request).toEqual({
      ...carried,
      model: 'm',
      n: 2,
      messages: [{ role: 'user', content: 'a' }],
    });
  });

  it('limits an answer of a model that reasons by the name that it knows', () => {
    const preset: ChatPreset = { ...NO_PRESET, settings: { reasoning_effort: 'low' } };
    const sent = toChatRequest({ model: 'm', prompt: 'a', max_tokens: 7 }, 'a', preset);
    expect([sent.max_tokens, sent.max_completion_tokens]).toEqual([undefined, 7]);
  });
});
