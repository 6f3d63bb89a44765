import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { failure } from '../support/fake-upstream-replies.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

const TWO_ROUTES = `
  - id: test/two-routes
    context_length: 1000
    max_completion_tokens: 100
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes:
      - { upstream: main, model: first, priority: 1 }
      - { upstream: main, model: second, priority: 2 }
`;

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
