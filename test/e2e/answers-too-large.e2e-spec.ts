import { describe, expect, it, jest } from '@jest/globals';
import { ChatRenderer } from '../../src/surfaces/chat-renderer.js';
import { AnswerWriterService } from '../../src/http/answer-writer.service.js';
import { AnswerText } from '../../src/surfaces/answer-text.js';
import { billOf, expectNothingOpen, expectUnbilled } from '../support/aftermath.js';
import { sse } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, completionBody, Q, SURFACES, W } from '../support/wire-surfaces.js';

const LARGE = { param: 'n', code: 'answer_too_large' } as const;
const LONG = 'word '.repeat(20_000);

describe('an answer that is too large to be handed over', () => {
  const app = useWireApp();

  it.each(SURFACES)('is refused before anybody is asked, and costs nothing ($name)', async (surface) => {
    const asked = { n: 32, logprobs: true, top_logprobs: 20, max_tokens: 16_384 };
    for (const model of ['sandbox/echo', 'test/model']) {
      const body = chatBody({ model, messages: [{ role: 'user', content: LONG }], ...asked });
      const response = await app.tollgate.post(surface.chat, body);
      await expectFailure(response, surface, 400, LARGE);
      expect(await app.tollgate.usageOf(response)).toBeUndefined();
    }
    expect(app.upstream.requests).toHaveLength(0);
    await expectNothingOpen(app);
  });

  it('is streamed to whoever asks for a stream', async () => {
    const body = chatBody({
      model: 'sandbox/echo',
      stream: true,
      messages: [{ role: 'user', content: 'word '.repeat(500) }],
      n: 32,
      logprobs: true,
      top_logprobs: 20,
      max_tokens: 16_384,
    });
    const response = await app.tollgate.post(W.chat, body);
    expect(response.status).toBe(200);
    await response.body?.cancel();
    expect(await billOf(app, response)).toMatchObject({ outcome: 'client_left' });
  });

  it('is not charged where nobody could know before: at its default limit', async () => {
    const body = chatBody({
      model: 'sandbox/echo',
      messages: [{ role: 'user', content: 'word '.repeat(3_000) }],
      n: 32,
      logprobs: true,
      top_logprobs: 20,
    });
    for (const headers of [{}, { 'idempotency-key': 'large' }]) {
      const response = await app.tollgate.post(Q.chat, body, headers);
      await expectFailure(response, Q, 400, LARGE);
      await expectUnbilled(app, response);
    }
    await expectNothingOpen(app);
  });

  it('counts the log probabilities of legacy completions as well', async () => {
    const body = completionBody({ prompt: ['a', 'b'], n: 128, logprobs: 5, max_tokens: 4_096 });
    const response = await app.tollgate.post(Q.completions, { ...body, model: 'test/model' });
    await expectFailure(response, Q, 400, LARGE);
    expect(app.upstream.requests).toHaveLength(0);
  });
});

describe('a failure of ours', () => {
  const app = useWireApp();

  it('to put a piece of a stream into words costs no more than what came before it', async () => {
    const chunk = ChatRenderer.prototype.chunk;
    jest.spyOn(ChatRenderer.prototype, 'chunk').mockImplementation(function (this: ChatRenderer, said) {
      if (JSON.stringify(said).includes(' there!')) throw new RangeError('Invalid string length');
      return chunk.call(this, said);
    });
    app.upstream.enqueue(sse(chatChunks()));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true }));
    expect(await response.text()).not.toContain('[DONE]');
    expect(await billOf(app, response)).toMatchObject({ outcome: 'upstream_failed', completionTokens: 1 });
    await expectNothingOpen(app);
  });

  it('to say the end of a stream is known before it is charged whole', async () => {
    jest.spyOn(ChatRenderer.prototype, 'prepareEnd').mockImplementation(() => {
      throw new RangeError('Invalid string length');
    });
    app.upstream.enqueue(sse(chatChunks()));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true }));
    expect(await response.text()).not.toContain('[DONE]');
    expect(await billOf(app, response)).toMatchObject({ outcome: 'upstream_failed' });
  });

  const failures = [
    { what: 'to say it', fail: () => jest.spyOn(AnswerText.prototype, 'with').mockImplementation(broken) },
    {
      what: 'to send it',
      fail: () => {
        const writer = app.tollgate.app.get(AnswerWriterService, { strict: false });
        jest.spyOn(writer, 'json').mockImplementation(broken);
      },
    },
  ];
  it.each(failures)('after the charge gives it back: $what', async ({ fail }) => {
    const { secret } = await app.tollgate.newKey();
    const headers = { authorization: `Bearer ${secret}` };
    fail();
    const response = await app.tollgate.post(Q.chat, chatBody({ store: true }), headers);
    expect(response.status).toBe(500);
    const credits = await app.tollgate.get('/v1/credits', headers);
    expect(await credits.json()).toMatchObject({ balance: 1_000_000 });
    const stored = await app.tollgate.get('/v1/chat/completions', headers);
    expect(await stored.json()).toMatchObject({ data: [] });
    await expectNothingOpen(app);
  });
});

function broken(): never {
  throw new RangeError('Invalid string length');
}
