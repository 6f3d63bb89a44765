import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

describe('a request from the door to the durable row', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  it('answers and has written its usage by the time that the answer ends', async () => {
    const response = await tollgate.post('/v1/chat/completions', {
      model: MODEL,
      messages: [{ role: 'user', content: 'hi' }],
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ object: 'chat.completion', model: MODEL });
    expect(await tollgate.usageOf(response)).toMatchObject({ outcome: 'completed', usageSource: 'upstream' });
  });
});
