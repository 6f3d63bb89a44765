import { describe, expect, it } from '@jest/globals';
import { isKnownThinker } from './thinking-models.js';

describe('isKnownThinker', () => {
  it.each(['o3', 'o4-mini', 'gpt-5-mini', 'openai/gpt-oss-120b', 'gemini-2.5-flash', 'google/gemini-3-pro'])(
    'knows %s',
    (model) => expect(isKnownThinker(model)).toBe(true),
  );
  it.each(['x-ai/grok-4', 'deepseek-reasoner', 'kimi-k2-thinking', 'Qwen/QwQ-32B'])('knows %s', (model) =>
    expect(isKnownThinker(model)).toBe(true),
  );
  it.each(['gpt-4o', 'gemini-2.0-flash', 'grok-3', 'o200k', 'upstream-model', 'slow', 'deepseek-chat', ''])(
    'does not take %s for one',
    (model) => expect(isKnownThinker(model)).toBe(false),
  );
});
