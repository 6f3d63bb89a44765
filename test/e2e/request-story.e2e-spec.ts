import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { failure } from '../support/fake-upstream-replies.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, Tollgate, TWO_ROUTES } from '../support/tollgate.js';

describe('the story of a request', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    upstream.on('first', failure(500));
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, TWO_ROUTES) });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  it.each([false, true])(
    'tells every attempt, also those that a fallback made good (stream: %s)',
    async (stream) => {
      const response = await tollgate.post('/api/v1/chat/completions', {
        model: 'test/two-routes',
        messages: [{ role: 'user', content: 'hi' }],
        stream,
      });
      expect(response.status).toBe(200);
      await response.text();
      const story = await tollgate.get(`/v1/requests/${response.headers.get('x-request-id')}`);
      expect(await story.json()).toMatchObject({
        outcome: 'completed',
        failed_attempts: [
          { upstream: 'main', upstream_model: 'first', code: 'upstream_error', upstream_status: 500 },
        ],
        route: { upstream: 'main', upstream_model: 'second' },
      });
    },
  );
});
