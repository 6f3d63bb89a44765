import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/errors/domain-error.js';
import { invalidKey, secretOf, type CredentialHeaders } from './credentials.js';

type Native = 'x-api-key' | 'authorization';

function refusal(headers: CredentialHeaders, native: Native): DomainError {
  try {
    secretOf(headers, native);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('secretOf', () => {
  it.each<[string, Native, CredentialHeaders]>([
    ['Bearer', 'authorization', { authorization: ['Bearer K'] }],
    ['Bearer where X-API-Key is native', 'x-api-key', { authorization: ['Bearer K'] }],
    ['a lower-case scheme', 'authorization', { authorization: ['bearer K'] }],
    ['an upper-case scheme', 'authorization', { authorization: ['BEARER K'] }],
    ['tabs and spaces around it', 'authorization', { authorization: ['\t Bearer \t K \t'] }],
    ['X-API-Key', 'x-api-key', { 'x-api-key': ['K'] }],
    ['X-API-Key with spaces around it', 'x-api-key', { 'x-api-key': ['  K\t'] }],
    ['X-API-Key where Bearer is native', 'authorization', { 'x-api-key': ['K'] }],
    ['api-key', 'authorization', { 'api-key': ['K'] }],
    ['api-key on the other surface', 'x-api-key', { 'api-key': [' K '] }],
  ])('takes %s', (_name, native, headers) => {
    expect(secretOf(headers, native)).toBe('K');
  });

  it.each<[string, Native, CredentialHeaders]>([
    ['the native header wins (W)', 'x-api-key', { authorization: ['Bearer B'], 'x-api-key': ['K'] }],
    ['the native header wins (Q, L)', 'authorization', { authorization: ['Bearer K'], 'x-api-key': ['B'] }],
    ['api-key comes last (W)', 'x-api-key', { 'api-key': ['B'], authorization: ['Bearer K'] }],
    ['api-key comes last (Q, L)', 'authorization', { 'api-key': ['B'], 'x-api-key': ['K'] }],
    ['an empty native header is none (W)', 'x-api-key', { authorization: ['Bearer K'], 'x-api-key': [' '] }],
    ['an empty native header is none (Q, L)', 'authorization', { authorization: [''], 'x-api-key': ['K'] }],
    ['a scheme alone is none', 'authorization', { authorization: ['Bearer '], 'x-api-key': ['K'] }],
  ])('S3: %s', (_name, native, headers) => {
    expect(secretOf(headers, native)).toBe('K');
  });

  it.each<[string, Native, CredentialHeaders]>([
    ['Authorization', 'authorization', { authorization: ['Bearer K', 'Bearer evil'] }],
    ['Authorization, the same', 'authorization', { authorization: ['Bearer K', 'Bearer K'] }],
    ['Authorization, one empty', 'authorization', { authorization: ['', 'Bearer K'] }],
    ['Authorization on W', 'x-api-key', { authorization: ['Bearer K', 'Bearer evil'] }],
    ['X-API-Key', 'x-api-key', { 'x-api-key': ['K', 'evil'] }],
    [
      'X-API-Key, empty, beside a good Bearer',
      'x-api-key',
      { 'x-api-key': ['', ''], authorization: ['Bearer K'] },
    ],
    ['api-key', 'authorization', { 'api-key': ['K', 'evil'] }],
  ])('S1, S2: two headers are ambiguous: %s', (_name, native, headers) => {
    expect(refusal(headers, native).code).toBe('ambiguous_credentials');
  });

  it.each(['Basic dXNlcjpwYXNz', 'sk-tg-K', 'Digest a=b', 'Bearerx K', 'Bearer\u00a0K', 'Token K'])(
    'S4: %j is no Bearer token, whatever else there is',
    (value) => {
      const error = refusal({ authorization: [value], 'x-api-key': ['K'] }, 'authorization');
      expect(error.code).toBe('invalid_api_key');
    },
  );

  it('S4: a secret as long as no key is refused before it is hashed', () => {
    const secret = 'a'.repeat(257);
    expect(refusal({ 'x-api-key': [secret] }, 'x-api-key').message).toBe('Incorrect API key provided: ***.');
    expect(secretOf({ 'x-api-key': ['a'.repeat(256)] }, 'x-api-key')).toHaveLength(256);
  });

  it.each<[string, CredentialHeaders]>([
    ['no header', {}],
    ['empty headers', { authorization: [''], 'x-api-key': [' '], 'api-key': ['\t'] }],
    ['a scheme alone', { authorization: ['Bearer'] }],
  ])('%s is a missing key, not a wrong one', (_name, headers) => {
    expect(refusal(headers, 'authorization').code).toBe('missing_api_key');
  });
});

describe('invalidKey', () => {
  it.each([
    ['sk-tg-0123456789abcdefghij', 'sk-tg***ij'],
    ['012345678901234567890', '01234***90'],
    // Of a short secret seven characters would be too many.
    ['01234567890123456789', '***'],
    ['short', '***'],
    ['\u001b[31m0123456789012345678', '??31m***78'],
  ])('shows of %j no more than %j', (secret, shown) => {
    expect(invalidKey(secret).message).toBe(`Incorrect API key provided: ${shown}.`);
  });
});
