import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sign } from './signature.js';

type Check = (secret: string, header: string | undefined, body: Buffer) => boolean;

/** The very text that docs/webhooks.md tells receivers to use. */
async function publishedCheck(): Promise<Check> {
  const source = /```js\n([^]*?)```/.exec(readFileSync('docs/webhooks.md', 'utf8'))?.[1] ?? '';
  const body = source.replace(/^import .*$/m, '').replace('export function', 'return function');
  const { createHmac, timingSafeEqual } = await import('node:crypto');
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- our own page
  const make = new Function('createHmac', 'timingSafeEqual', body) as (...given: unknown[]) => Check;
  return make(createHmac, timingSafeEqual);
}

describe('sign', () => {
  const BODY = '{"text":"é"}';
  const nowSeconds = Math.floor(Date.now() / 1000);

  it('is what the published check accepts', async () => {
    const check = await publishedCheck();
    expect(check('secret', sign('secret', nowSeconds, BODY), Buffer.from(BODY))).toBe(true);
  });

  it.each([
    ['another secret', sign('other', nowSeconds, BODY)],
    ['another body', sign('secret', nowSeconds, `${BODY} `)],
    ['a replay after the window', sign('secret', nowSeconds - 301, BODY)],
    [
      'another time than was signed',
      sign('secret', nowSeconds - 10, BODY).replace(/t=\d+/, `t=${nowSeconds}`),
    ],
    ['a cut signature', sign('secret', nowSeconds, BODY).slice(0, -1)],
    ['none', undefined],
  ])('and %s is refused by it', async (_name, header) => {
    const check = await publishedCheck();
    expect(check('secret', header, Buffer.from(BODY))).toBe(false);
  });

  it('keeps its form: receivers depend on it', () => {
    expect(sign('secret', 1_795_320_000, '{}')).toMatch(/^t=1795320000,v1=[0-9a-f]{64}$/);
  });
});
