import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';

const BLOCKER = new URL('../support/block-on-word.mjs', import.meta.url).href;
const KEY = 'sk-block-watch-0123456789abcdef0123456789abcdef';

describe('a standstill of the event loop', () => {
  let tollgate: TollgateProcess;
  let origin: string;

  beforeAll(async () => {
    tollgate = await TollgateProcess.start({
      env: { LOG_LEVEL: 'info', BOOTSTRAP_API_KEY: KEY, NODE_OPTIONS: `--import=${BLOCKER}`, NO_COLOR: '1' },
    });
    origin = await tollgate.origin();
  });
  afterAll(() => tollgate.discard());

  const told = (): Record<string, unknown>[] =>
    tollgate.output
      .split('\n')
      .filter((line) => line.includes('stood still'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  async function chat(content: string): Promise<string> {
    const response = await fetch(`${origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sandbox/chat', messages: [{ role: 'user', content }], max_tokens: 1 }),
    });
    await response.arrayBuffer();
    expect(response.status).toBe(200);
    return response.headers.get('x-request-id') ?? '';
  }

  it('is logged with the request that was at work, and no other is', async () => {
    await chat('hello');
    // Starting takes the loop more than once; what comes from here on is the requests'.
    const before = told().length;
    const requestId = await chat('standstill');
    await eventually(() => (told().length > before ? true : undefined), 'a line about the standstill', 5_000);
    const line = told()
      .slice(before)
      .find((each) => each['request_id'] === requestId);
    expect(line).toMatchObject({ method: 'POST', route: '/v1/chat/completions', level: 40 });
    expect(line?.['blocked_ms']).toBeGreaterThanOrEqual(200);
    expect(line?.['cpu_ms']).toBeGreaterThanOrEqual(150);
  });
});
