import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { askChat } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { ConversationsClient } from '../support/conversations.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const PICTURES = 8;
const PICTURE_BYTES = 8_000_000;

/** Message of a number that can be found again. */
const picture = (number: number) => ({
  role: 'user',
  content: [
    { type: 'text', text: `picture ${number}` },
    {
      type: 'image_url',
      image_url: { url: `data:image/png;base64,${'A'.repeat(PICTURE_BYTES)}` },
    },
  ],
});

describe('a conversation of pictures, which cost few tokens and many megabytes', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let conversation_id: string;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    const client = new ConversationsClient(tollgate);
    ({ id: conversation_id } = await client.create());
    for (let number = 1; number <= PICTURES; number += 1) {
      await client.send('POST', `/conversations/${conversation_id}/items`, {
        items: [picture(number), { role: 'assistant', content: 'I see.' }],
      });
    }
  }, 60_000);
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });
  beforeEach(() => upstream.clear());

  const ask = (model: string, messages: unknown[] = [{ role: 'user', content: 'Which was it?' }]) =>
    askChat(tollgate, { model, conversation_id, messages });
  const sentNumbers = () =>
    [...JSON.stringify(upstream.requests.at(-1)?.body).matchAll(/picture (\d+)/g)].map(([, number]) =>
      Number(number),
    );

  it('is sent as far back as 32 MiB reach, whoever answers', async () => {
    for (const model of [MODEL, await newChatbot(tollgate)]) {
      expect((await ask(model)).status).toBe(200);
      expect(sentNumbers()).toEqual([4, 5, 6, 7, 8]);
    }
  }, 30_000);

  it('is sent no further back than the policy says', async () => {
    const bot = await newChatbot(tollgate, { memory: { kind: 'turns', turns: 4 } });
    expect((await ask(bot)).status).toBe(200);
    // Two turns have followed the pictures.
    expect(sentNumbers()).toEqual([7, 8]);
  }, 30_000);

  it('is recognised when its newest part is sent again', async () => {
    const model = await newChatbot(tollgate);
    const turn = [
      { role: 'user', content: 'Which was it?' },
      { role: 'assistant', content: 'Hello there!' },
    ];
    const { status } = await ask(model, [
      picture(8),
      { role: 'assistant', content: 'I see.' },
      ...[turn, turn, turn].flat(),
      { role: 'user', content: 'And now?' },
    ]);
    expect(status).toBe(200);
    expect(sentNumbers().filter((number) => number === 8)).toHaveLength(1);
  }, 30_000);
});
