import { describe, expect, it } from '@jest/globals';
import { newChatbot } from '../support/chatbots.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const JSON_MODE = { response_format: { type: 'json_object' } };
const say = (content: unknown, role = 'user') => ({ role, content });

describe('response_format json_object', () => {
  const app = useWireApp();

  async function expectRefusal(response: Response, surface: WireSurface): Promise<void> {
    await expectFailure(response, surface, surface.invalid, {
      message: expect.stringContaining("'messages' must contain the word 'json' in some form"),
      param: 'messages',
      ...(surface.invalid === 400 && { code: null }),
    });
    expect(app.upstream.requests).toHaveLength(0);
  }

  it.each(SURFACES)('is taken where the chatbot’s prompt asks for JSON ($name)', async ({ chat }) => {
    const model = await newChatbot(app.tollgate, { systemPrompt: 'Answer in JSON.' });
    for (const stream of [false, true]) {
      const response = await app.tollgate.post(chat, chatBody({ model, stream, ...JSON_MODE }));
      expect(response.status).toBe(200);
      await response.text();
    }
    expect(app.upstream.requests.at(-1)?.body).toMatchObject({
      ...JSON_MODE,
      messages: [say('Answer in JSON.', 'system'), say('hi')],
    });
  });

  it.each(SURFACES)('is refused where nothing that is sent does ($name)', async (surface) => {
    const model = await newChatbot(app.tollgate, { systemPrompt: 'You are Bot.' });
    for (const stream of [false, true]) {
      await expectRefusal(await app.tollgate.post(surface.chat, chatBody({ stream, ...JSON_MODE })), surface);
      const body = chatBody({ model, stream, ...JSON_MODE });
      await expectRefusal(await app.tollgate.post(surface.chat, body), surface);
    }
  });

  it('is taken where a value of the prompt’s variables asks for it', async () => {
    const model = await newChatbot(app.tollgate, {
      systemPrompt: 'Say {{how}}.',
      variables: { how: 'prose' },
    });
    await expectRefusal(await app.tollgate.post(W.chat, chatBody({ model, ...JSON_MODE })), W);
    const body = chatBody({ model, ...JSON_MODE, metadata: { how: 'JSON' } });
    expect((await app.tollgate.post(W.chat, body)).status).toBe(200);
  });

  it('is taken where the conversation has asked for it', async () => {
    const model = await newChatbot(app.tollgate, { systemPrompt: '' });
    const asked = { model, conversation_id: 'json-mode' };
    const first = chatBody({ ...asked, messages: [say('Only ever answer in JSON.')] });
    expect((await app.tollgate.post(W.chat, first)).status).toBe(200);
    expect((await app.tollgate.post(W.chat, chatBody({ ...asked, ...JSON_MODE }))).status).toBe(200);
    app.upstream.clear();
    const other = chatBody({ model, conversation_id: 'another', ...JSON_MODE });
    await expectRefusal(await app.tollgate.post(W.chat, other), W);
  });

  it('is taken where a conversation of a plain model has asked for it', async () => {
    const begun = async (text: string) => {
      const items = [{ type: 'message', ...say(text) }];
      const response = await app.tollgate.post('/v1/conversations', { items });
      return ((await response.json()) as { id: string }).id;
    };
    const going = await begun('Only ever answer in JSON.');
    const body = chatBody({ conversation_id: going, ...JSON_MODE });
    expect((await app.tollgate.post(W.chat, body)).status).toBe(200);
    app.upstream.clear();
    const silent = chatBody({ conversation_id: await begun('Hello.'), ...JSON_MODE });
    await expectRefusal(await app.tollgate.post(W.chat, silent), W);
    // A name of the client's own remembers nothing for a plain model.
    await expectRefusal(
      await app.tollgate.post(W.chat, chatBody({ conversation_id: 'mine', ...JSON_MODE })),
      W,
    );
  });

  it('a chatbot’s own JSON mode is its operator’s to judge', async () => {
    const model = await newChatbot(app.tollgate, {
      systemPrompt: 'You are Bot.',
      responseFormat: { type: 'json_object' },
    });
    for (const { chat } of [W, Q, L]) {
      expect((await app.tollgate.post(chat, chatBody({ model }))).status).toBe(200);
    }
  });

  it('a refusal repeats nothing of a chatbot’s prompt', async () => {
    const model = await newChatbot(app.tollgate, { systemPrompt: 'The secret is 4711.' });
    const response = await app.tollgate.post(L.chat, chatBody({ model, ...JSON_MODE }));
    expect(response.status).toBe(422);
    expect(await response.text()).not.toContain('4711');
  });
});
