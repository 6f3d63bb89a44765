import { describe, expect, it, jest } from '@jest/globals';
import { InFlight } from '../../src/inference/in-flight.js';
import { CatalogueService } from '../../src/models/catalogue.service.js';
import { ModelsService } from '../../src/models/models.service.js';
import {
  failure,
  garbage,
  json,
  raw,
  type Reply,
  resetBeforeHead,
  stall,
} from '../support/fake-upstream-replies.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { countedClient } from '../support/wire-client.js';
import { expectFailure } from '../support/wire-failure.js';
import { rawExchange, rawRequest } from '../support/wire-raw.js';
import { chatBody, completionBody, L, Q, SURFACES, W } from '../support/wire-surfaces.js';

const INTERNAL = 'The server had an error while processing your request. Sorry about that!';
const BUG = 'Cannot read properties of undefined (reading secret_column)';

/** Each surface, whole and streamed: until the first byte a failure is a real status on both. */
const EACH_WAY = SURFACES.flatMap((surface) =>
  [false, true].map((stream) => ({
    surface,
    stream,
    name: surface.name,
    how: stream ? 'streamed' : 'whole',
  })),
);

const FAILURES: readonly (readonly [what: string, reply: Reply])[] = [
  ['a 500', failure(500)],
  ['a 503', failure(503)],
  ['our key refused', failure(401)],
  ['JSON cut short', raw('{"choices":[{', { headers: { 'content-type': 'application/json' } })],
  ['JSON that is no answer', json({})],
  ['a web page', raw('<html>', { headers: { 'content-type': 'text/html' } })],
  ['an empty body', raw('', { headers: { 'content-type': 'application/json' } })],
  ['a reset connection', resetBeforeHead()],
  ['bytes that are no HTTP', garbage()],
];

describe('when an upstream fails', () => {
  const app = useWireApp();

  it.each(EACH_WAY.flatMap((way) => FAILURES.map(([what, reply]) => ({ ...way, what, reply }))))(
    'case 29, 48, 64: $what is the surface’s failure of an upstream ($name, $how)',
    async ({ surface, stream, reply }) => {
      app.upstream.otherwise(reply);
      const response = await app.tollgate.post(surface.chat, chatBody({ stream }));
      const { status, code } = surface.upstreamFailed;
      const { error } = await expectFailure(response, surface, status, {
        type: 'server_error',
        param: null,
        code,
      });
      expect(error.message).not.toMatch(/must not see|127\.0\.0\.1|SSH|html/i);
    },
  );

  it.each(SURFACES)('case 29, 64: legacy completions fail the same way ($name)', async (surface) => {
    app.upstream.otherwise(failure(500));
    for (const model of [MODEL, 'test/native']) {
      const { status, code } = surface.upstreamFailed;
      const response = await app.tollgate.post(surface.completions, completionBody({ model }));
      await expectFailure(response, surface, status, { type: 'server_error', code });
    }
  });

  it('case 29: 499 has its own reason phrase on the wire', async () => {
    app.upstream.otherwise(failure(500));
    const body = JSON.stringify(chatBody());
    const answer = await rawExchange(
      app.tollgate.port,
      rawRequest('POST', W.chat, { 'x-api-key': app.tollgate.key, 'content-type': 'application/json' }, body),
    );
    expect(answer.statusLine).toBe('HTTP/1.1 499 Client Closed Request');
  });

  it('case 29: the official client takes a 499 for final', async () => {
    app.upstream.otherwise(failure(500));
    const { client, statuses } = countedClient(app.tollgate, W);
    await expect(
      client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] }),
    ).rejects.toMatchObject({ status: 499, code: 'inference_error' });
    expect(statuses).toEqual([499]);
  });

  it.each(SURFACES)('case 27: an unknown model is nobody’s upstream ($name)', async (surface) => {
    const response = await app.tollgate.post(surface.chat, chatBody({ model: 'no/such-model' }));
    await expectFailure(response, surface, 404, {
      message: 'The model `no/such-model` does not exist or you do not have access to it.',
      type: 'invalid_request_error',
      param: null,
      code: 'model_not_found',
    });
  });

  it.each(SURFACES)('a model that the key may not use ($name)', async (surface) => {
    const { secret } = await app.tollgate.newKey({ allowedModels: ['sandbox/chat'] });
    const response = await app.tollgate.post(surface.chat, chatBody(), { authorization: `Bearer ${secret}` });
    await expectFailure(response, surface, 403, {
      message: 'You are not allowed to use this model.',
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_allowed',
    });
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each(SURFACES)('a conversation that is too long is the caller’s 400 ($name)', async (surface) => {
    app.upstream.otherwise(
      failure(400, "This model's maximum context length is 10 tokens.", {
        param: 'messages',
        code: 'context_length_exceeded',
      }),
    );
    await expectFailure(await app.tollgate.post(surface.chat, chatBody()), surface, 400, {
      message: expect.stringContaining('maximum context length'),
      param: 'messages',
      code: 'context_length_exceeded',
    });
  });
});

describe('when an upstream is silent', () => {
  const app = useWireApp({ env: { UPSTREAM_TIMEOUT_MS: '60' } });

  it.each(EACH_WAY)('case 30, 64: its time runs out ($name, $how)', async ({ surface, stream }) => {
    app.upstream.otherwise(stall());
    const response = await app.tollgate.post(surface.chat, chatBody({ stream }));
    const { status, code } = surface.upstreamTimedOut;
    await expectFailure(response, surface, status, { type: 'server_error', param: null, code });
    expect((await app.upstream.nextRequest()).path).toBe('/v1/chat/completions');
  });

  it.each([
    [Q, false],
    [Q, true],
    [L, false],
  ])('case 64: the official client does not wait a second time', async (surface, stream) => {
    app.upstream.otherwise(stall());
    const { client, statuses } = countedClient(app.tollgate, surface);
    await expect(
      client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'hi' }], stream }),
    ).rejects.toMatchObject({ status: 504, code: 'timeout' });
    expect(statuses).toEqual([504]);
  });
});

describe('when we fail ourselves', () => {
  const app = useWireApp();

  /** Breaks a service that every inference needs. */
  function plantBug(): void {
    jest.spyOn(app.tollgate.app.get(CatalogueService, { strict: false }), 'get').mockImplementation(() => {
      throw new TypeError(BUG);
    });
  }

  it.each(EACH_WAY)('case 31, 65: a bug is told as one, and nothing of it ($name, $how)', async (way) => {
    plantBug();
    const response = await app.tollgate.post(way.surface.chat, chatBody({ stream: way.stream }));
    const body = await expectFailure(response, way.surface, 500, {
      message: INTERNAL,
      type: 'server_error',
      param: null,
      code: null,
    });
    expect(JSON.stringify(body)).not.toMatch(/secret_column|TypeError|stack|\.ts/);
  });

  it('case 31: the official client tries twice more', async () => {
    plantBug();
    const { client, statuses } = countedClient(app.tollgate, W);
    await expect(
      client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] }),
    ).rejects.toMatchObject({ status: 500 });
    expect(statuses).toEqual([500, 500, 500]);
  });

  it.each(SURFACES)('case 65: a bug in a models route ($name)', async (surface) => {
    const models = app.tollgate.app.get(ModelsService, { strict: false });
    jest.spyOn(models, 'retrieve').mockImplementation(() => {
      throw new TypeError(BUG);
    });
    const response = await app.tollgate.get(`${surface.models}/${MODEL}`);
    await expectFailure(response, surface, 500, { message: INTERNAL, type: 'server_error', code: null });
  });
});

describe('when the server is leaving', () => {
  const app = useWireApp();

  it.each(SURFACES)('a new request is told when to come back ($name)', async (surface) => {
    app.tollgate.app.get(InFlight, { strict: false }).startDraining();
    const response = await app.tollgate.post(surface.chat, chatBody());
    await expectFailure(response, surface, 503, { type: 'server_error', param: null, code: 'overloaded' });
  });
});
