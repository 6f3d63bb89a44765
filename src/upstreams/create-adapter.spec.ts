import { expect, it } from '@jest/globals';
import { anUpstream } from '../../test/support/catalogue-builders.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import type { LogService } from '../observability/log.service.js';
import { createAdapter } from './create-adapter.js';

it.each([
  ['sandbox', ['chat', 'completions']],
  ['openai', ['chat', 'completions']],
  ['anthropic', ['messages']],
  ['google', ['gemini']],
] as const)('%s: the adapter declares the protocols that its upstream speaks', (protocol, spoken) => {
  const adapter = createAdapter(anUpstream({ protocol }), new ManualClock(), {} as LogService);
  expect(adapter.protocols).toEqual(spoken);
  // Legacy completions go over chat where the upstream does not speak them.
  expect(adapter.completeText !== undefined).toBe(adapter.protocols.includes('completions'));
  expect(adapter.streamText !== undefined).toBe(adapter.protocols.includes('completions'));
});
