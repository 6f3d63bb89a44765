import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readStream } from '../support/wire-stream.js';
import { SURFACES } from '../support/wire-surfaces.js';
import { ContractHarness } from './harness.js';
import { completionChunkSchema, completionSchema, completionUsageSchema } from './schemas/completion.js';
import { expectToMatchSchema } from './schemas/json-schema.js';
import { expectUsageToAddUp } from './schemas/usage.js';

let harness: ContractHarness;
beforeAll(async () => {
  harness = await ContractHarness.start();
});
afterAll(() => harness.close());

const MODEL = 'sandbox/chat';
const KINDS: [string, Record<string, unknown>][] = [
  ['plain', {}],
  ['cut by its length', { max_tokens: 1 }],
  ['of two prompts with two choices each', { prompt: ['a', 'b'], n: 2 }],
  ['of token ids', { prompt: [1, 2, 3] }],
  ['with log probabilities', { logprobs: 2 }],
  ['with its prompt', { echo: true }],
  ['withheld', { model: 'sandbox/refusal' }],
  ['without usage from upstream', { model: 'sandbox/no-usage' }],
];

describe.each(SURFACES)(
  'every legacy completion on $completions has exactly the fields of its surface',
  (surface) => {
    const ask = (body: Record<string, unknown>) =>
      harness.tollgate.post(surface.completions, {
        model: MODEL,
        prompt: 'Once upon a time',
        max_tokens: 8,
        ...body,
      });

    it.each(KINDS)('case 88: %s', async (_kind, body) => {
      const response = await ask(body);
      expect(response.status).toBe(200);
      const answer = (await response.json()) as { usage: unknown };
      expectToMatchSchema(answer, completionSchema(surface.name, String(body['model'] ?? MODEL)));
      expectUsageToAddUp(answer.usage);
    });

    it.each(KINDS)('case 93: %s, streamed', async (_kind, body) => {
      const model = String(body['model'] ?? MODEL);
      const spoken = completionChunkSchema(surface.name, model, true);
      const usage = completionUsageSchema(surface.name, model);
      const { chunks, trailers } = await readStream(
        await ask({ ...body, stream: true, stream_options: { include_usage: true } }),
      );
      for (const chunk of chunks.slice(0, -1)) expectToMatchSchema(chunk, spoken);
      for (const chunk of [chunks.at(-1), ...trailers]) expectToMatchSchema(chunk, usage);
      expectUsageToAddUp(chunks.at(-1)?.usage);
      expect(trailers).toEqual(surface.name === 'Q' ? [chunks.at(-1)] : []);

      const choices = chunks.flatMap((chunk) => chunk.choices);
      for (const index of new Set(choices.map((choice) => choice.index))) {
        const reasons = choices
          .filter((choice) => choice.index === index)
          .map((choice) => choice.finish_reason);
        expect(reasons.filter((reason) => reason !== null)).toEqual([reasons.at(-1)]);
      }
    });

    it('case 93, 60: a stream that does not ask for usage has no such key', async () => {
      const { chunks } = await readStream(await ask({ stream: true }));
      const schema = completionChunkSchema(surface.name, MODEL, false);
      for (const chunk of chunks) expectToMatchSchema(chunk, schema);
    });
  },
);
