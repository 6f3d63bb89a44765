import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { askChat } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

const MODEL_YAML = `
  - id: test/small
    context_length: 8192
    max_completion_tokens: 1024
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: small } ]
`;

const PICTURE = {
  role: 'user',
  content: [
    { type: 'text', text: 'moon '.repeat(1_500) },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
  ],
};

describe('what an upstream tells of one account’s prompts', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, MODEL_YAML) });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  /** A chatbot of an account of its own, and what its conversations may remember. */
  async function newNeighbour() {
    const { accountId, secret } = await tollgate.newKey();
    const model = await newChatbot(tollgate, { model: 'test/small' }, { accountId });
    const ask = (conversation_id: string, message: unknown = { role: 'user', content: 'Which?' }) =>
      askChat(tollgate, { model, conversation_id, messages: [message] }, { key: secret });
    const allowedIn = async (conversationId: string) => {
      const { requestId } = await ask(conversationId);
      return (await tollgate.usageOf(requestId))?.context?.conversation?.prompt_tokens_allowed;
    };
    return { ask, allowedIn };
  }

  it('changes nothing of what another account’s chatbots remember', async () => {
    const [mine, theirs] = [await newNeighbour(), await newNeighbour()];
    const before = await theirs.allowedIn('talk');
    upstream.otherwise(json(chatAnswer({ usage: wireUsage(100_000, 1) })));
    for (let i = 0; i < 3; i += 1) {
      expect((await mine.ask('pictures', PICTURE)).status).toBe(200);
      expect((await mine.ask('text', { role: 'user', content: 'moon '.repeat(1_500) })).status).toBe(200);
    }
    expect(await mine.allowedIn('text')).toBeLessThan(before ?? 0);
    expect(await theirs.allowedIn('talk')).toBe(before);
  });

  it('changes only its own conversation, where a picture was sent', async () => {
    const mine = await newNeighbour();
    const before = await mine.allowedIn('talk');
    upstream.otherwise(json(chatAnswer({ usage: wireUsage(100_000, 1) })));
    expect((await mine.ask('pictures', PICTURE)).status).toBe(200);
    upstream.otherwise(json(chatAnswer()));
    expect(await mine.allowedIn('talk')).toBe(before);
    expect(await mine.allowedIn('pictures')).toBeLessThan(before ?? 0);
  });
});
