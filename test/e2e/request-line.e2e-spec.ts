import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';

const KEY = 'sk-tollgate-of-the-request-line-test-0123456789';

describe('the line of a request in the log', () => {
  let gateway: TollgateProcess | undefined;
  afterEach(() => gateway?.discard());

  it('names account, key, model, upstream, tokens and credits of an answer, whole or streamed, and of no failure', async () => {
    const server = (gateway = await TollgateProcess.start({ env: { BOOTSTRAP_API_KEY: KEY } }));
    const origin = await server.origin();
    const ask = async (body: object): Promise<string> => {
      const response = await fetch(`${origin}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], ...body }),
      });
      await response.text();
      return response.headers.get('x-request-id') ?? '';
    };
    const lineOf = async (id: string): Promise<Record<string, unknown>> => {
      const line = await eventually(
        () => server.output.split('\n').find((each) => each.includes(id) && each.includes('"request"')),
        'its line',
        15_000,
      );
      return JSON.parse(line) as Record<string, unknown>;
    };
    for (const stream of [false, true]) {
      const line = await lineOf(await ask({ model: 'sandbox/chat', stream }));
      expect(line).toMatchObject({
        status: 200,
        account_id: expect.stringMatching(/^acct_/),
        key_id: expect.stringMatching(/^key_/),
        model: 'sandbox/chat',
        upstream: 'sandbox',
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        credits: 0.01,
      });
    }
    const failed = await lineOf(await ask({ model: 'no/such' }));
    expect(failed).toMatchObject({ status: 404, failure: 'model_not_found' });
    expect(failed).not.toHaveProperty('credits');
  }, 60_000);
});
