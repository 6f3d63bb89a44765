import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { askChat } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { promptTokens } from '../support/prompt-tokens.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

const CONTEXT = 4096;
const TURNS = 40;
const MODELS = ['counted', 'uncounted'].map(
  (name) => `
  - id: test/${name}
    context_length: ${CONTEXT}
    max_completion_tokens: ${CONTEXT}
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: ${name} } ]
`,
);

/** Of a prompt of ours by the model's own tokenizer, which makes a quarter more of it. */
const byItsOwn = (body: Record<string, unknown>): number => Math.ceil(promptTokens(body) * 1.25);

describe('a conversation with a model whose tokenizer makes more of a text than ours', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, MODELS.join('')) });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });
  beforeEach(() => upstream.clear());

  /** @returns the statuses of all turns */
  async function talk(model: string, reports: boolean): Promise<number[]> {
    upstream.otherwise((response, request) => {
      const tokens = byItsOwn(request.body);
      const reply =
        tokens + Number(request.body['max_tokens']) > CONTEXT
          ? json(
              { error: { message: 'maximum context length', code: 'context_length_exceeded' } },
              { status: 400 },
            )
          : json(
              chatAnswer({
                content: 'moon '.repeat(60),
                usage: reports ? wireUsage(tokens, 60) : null,
              }),
            );
      return reply(response, request);
    });
    const bot = await newChatbot(tollgate, { model, sampling: { max_tokens: 500 } });
    const statuses: number[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const content = `Question ${turn}: ${'sun '.repeat(80)}`;
      const { status } = await askChat(tollgate, {
        model: bot,
        conversation_id: 'talk',
        messages: [{ role: 'user', content }],
      });
      statuses.push(status);
    }
    return statuses;
  }

  it('is never refused, since answers before it told what they were counted', async () => {
    expect(await talk('test/counted', true)).toEqual(Array.from({ length: TURNS }, () => 200));
    const longest = Math.max(...upstream.requests.map(({ body }) => byItsOwn(body)));
    // Most of what there is room for is still remembered.
    expect(longest).toBeGreaterThan((CONTEXT - 500) * 0.85);
  });

  it('is refused a few times and goes on, where no answer tells', async () => {
    const statuses = await talk('test/uncounted', false);
    expect(statuses.filter((status) => status !== 200).length).toBeLessThanOrEqual(4);
    expect(statuses.slice(-10)).toEqual(Array.from({ length: 10 }, () => 200));
  });
});
