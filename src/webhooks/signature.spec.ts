import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { signatureHeaders } from './signature.js';

type Headers = Record<string, string>;
type Check = (secret: string, headers: Headers, body: Buffer) => boolean;

/** The very text that docs/webhooks.md tells receivers to use. */
async function publishedCheck(): Promise<Check> {
  const source = /```js\n([^]*?)```/.exec(readFileSync('docs/webhooks.md', 'utf8'))?.[1] ?? '';
  const body = source.replace(/^import .*$/m, '').replace('export function', 'return function');
  const { createHmac: hmac, timingSafeEqual } = await import('node:crypto');
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- our own page
  const make = new Function('createHmac', 'timingSafeEqual', body) as (...given: unknown[]) => Check;
  return make(hmac, timingSafeEqual);
}

/** The receiver of the standard's own package. */
function standardCheck(secret: string, headers: Headers, body: Buffer): boolean {
  const webhook = secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' });
  try {
    webhook.verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

const ID = 'evt_1';
const BODY = '{"text":"é"}';
const SECRET = `whsec_${Buffer.from('thirty-two bytes of a secret key').toString('base64')}`;

describe.each([
  ['the check of docs/webhooks.md', publishedCheck],
  ['the standard’s own package', async () => standardCheck],
] as const)('signatureHeaders and %s', (_name, theCheck) => {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const headers = signatureHeaders(SECRET, ID, nowSeconds, BODY);

  it.each([
    ['whsec_ and base64', SECRET],
    ['any text', 'a secret'],
  ])('agree on an event signed with %s', async (_form, secret) => {
    const check = await theCheck();
    expect(check(secret, signatureHeaders(secret, ID, nowSeconds, BODY), Buffer.from(BODY))).toBe(true);
  });

  it.each([
    ['another secret', signatureHeaders('other', ID, nowSeconds, BODY)],
    ['another body', signatureHeaders(SECRET, ID, nowSeconds, `${BODY} `)],
    ['another id than was signed', { ...headers, 'webhook-id': 'evt_2' }],
    ['a replay after the window', signatureHeaders(SECRET, ID, nowSeconds - 301, BODY)],
    ['another time than was signed', { ...headers, 'webhook-timestamp': String(nowSeconds - 10) }],
    [
      'a cut signature',
      { ...headers, 'webhook-signature': headers['webhook-signature']?.slice(0, -2) ?? '' },
    ],
    ['none', {}],
  ])('refuse %s', async (_fault, given) => {
    const check = await theCheck();
    expect(check(SECRET, given, Buffer.from(BODY))).toBe(false);
  });

  it('agree on one of several signatures, as while a secret is changed', async () => {
    const check = await theCheck();
    const both = `v1,${Buffer.alloc(32).toString('base64')} ${headers['webhook-signature']}`;
    expect(check(SECRET, { ...headers, 'webhook-signature': both }, Buffer.from(BODY))).toBe(true);
  });
});

describe('signatureHeaders', () => {
  it('keep the form that receivers written before depend on', () => {
    const mac = createHmac('sha256', 'secret').update('1795320000.{}').digest('hex');
    expect(signatureHeaders('secret', ID, 1_795_320_000, '{}')).toMatchObject({
      'tollgate-event-id': ID,
      'tollgate-signature': `t=1795320000,v1=${mac}`,
    });
  });
});
