import { describe, expect, it } from '@jest/globals';
import { UpstreamError } from '../../upstream.errors.js';
import { toFilePart, type MediaRules } from './file-part.js';

const RULES: MediaRules = {
  media: ['image/', 'audio/', 'application/pdf'],
  urls: { 'image/*': [/^https:\/\/.*$/], '*': [/^https:\/\/files\.example\//] },
};

function image(url: string, rules = RULES): unknown {
  return toFilePart({ type: 'image_url', image_url: { url } }, 'messages[0].content[1]', rules);
}

function file(part: object): unknown {
  return toFilePart({ type: 'file', file: part }, 'p', RULES);
}

function refusalOf(convert: () => unknown): UpstreamError {
  try {
    convert();
  } catch (error) {
    if (error instanceof UpstreamError) return error;
  }
  throw new Error('not refused');
}

describe('toFilePart', () => {
  it('takes base64 as it came, whatever parameters the data URI has', () => {
    const expected = { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'AAAA' } };
    expect(image('data:image/png;base64,AAAA')).toEqual(expected);
    expect(image('DATA:image/PNG;name=a.png;BASE64,AAAA')).toEqual(expected);
  });

  it('passes a URL that the vendor fetches itself, with the media type that its path names', () => {
    expect(image('https://example.com/a/cat.webp?w=1#x')).toEqual({
      type: 'file',
      mediaType: 'image/webp',
      data: { type: 'url', url: new URL('https://example.com/a/cat.webp?w=1#x') },
    });
    expect(image('https://example.com/cat')).toMatchObject({ mediaType: 'image/jpeg' });
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1/x.png',
    'file:///etc/passwd',
    'gopher://[::1]/',
    'javascript:alert(1)',
  ])('S24: refuses %s, which the vendor does not fetch either', (url) => {
    const error = refusalOf(() => image(url));
    expect(error).toMatchObject({
      code: 'upstream_rejected_request',
      param: 'messages[0].content[1].image_url.url',
    });
    expect(error.message).not.toContain(url);
  });

  it.each([
    '',
    'cat.png',
    'data:,hello',
    'data:image/png,AAAA',
    'data:;base64,AAAA',
    'data:image/png;base64',
  ])('refuses %j, which names no image', (url) => {
    expect(refusalOf(() => image(url)).code).toBe('upstream_rejected_request');
  });

  it('refuses media that the vendor does not read, without repeating what the caller wrote', () => {
    const onlyImages = { ...RULES, media: ['image/'] };
    const audio = { type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' as const } };
    expect(toFilePart(audio, 'p', RULES)).toMatchObject({ mediaType: 'audio/wav' });
    expect(refusalOf(() => toFilePart(audio, 'p', onlyImages))).toMatchObject({
      param: 'p.input_audio',
      message: 'This model does not read audio input of this type.',
    });
    expect(refusalOf(() => image('data:<script>;base64,AAAA')).message).not.toContain('script');
  });

  it('reads the type of a bare file from its name, and knows no files by id', () => {
    expect(file({ filename: 'Scan.PDF', file_data: 'AAAA' })).toEqual({
      type: 'file',
      filename: 'Scan.PDF',
      mediaType: 'application/pdf',
      data: { type: 'data', data: 'AAAA' },
    });
    expect(file({ file_data: 'data:image/gif;base64,AAAA' })).toMatchObject({ mediaType: 'image/gif' });
    expect(refusalOf(() => file({ file_id: 'file-1' })).param).toBe('p.file.file_id');
  });
});
