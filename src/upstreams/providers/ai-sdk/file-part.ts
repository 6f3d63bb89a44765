import type {
  AudioPart,
  FilePart as OpenAiFilePart,
  ImagePart,
} from '../../../contracts/openai/chat-completion.js';
import type { FilePart, SupportedUrls } from './language-model.js';
import { refusal } from './refusal.js';

/** What a message may carry besides text. */
export interface MediaRules {
  /** Media types, or prefixes of them ending in `/`. */
  readonly media: readonly string[];
  /** The URLs that the vendor fetches itself. */
  readonly urls: SupportedUrls;
}

const MAX_HEAD_CHARS = 1_024;

const AUDIO_MEDIA_TYPES = { wav: 'audio/wav', mp3: 'audio/mpeg' } as const;

/** Media types by file name ending, for files and URLs that carry none. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  bmp: 'image/bmp',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  json: 'application/json',
  txt: 'text/plain',
  md: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  mp4: 'video/mp4',
};

/**
 * An image, audio or file part for the vendor. Data goes along as it came; a URL goes along only where the vendor itself
 * fetches such URLs. The gateway never opens one (S24).
 *
 * @param path of the part, for the refusal
 * @throws UpstreamError `upstream_rejected_request`
 */
export function toFilePart(
  part: ImagePart | AudioPart | OpenAiFilePart,
  path: string,
  rules: MediaRules,
): FilePart {
  switch (part.type) {
    case 'image_url':
      return fromUrl(part.image_url.url, `${path}.image_url.url`, rules);
    case 'input_audio': {
      const mediaType = AUDIO_MEDIA_TYPES[part.input_audio.format];
      return fromData(part.input_audio.data, mediaType, `${path}.input_audio`, rules);
    }
    case 'file':
      return fromFile(part.file, `${path}.file`, rules);
  }
}

function fromUrl(url: string, param: string, rules: MediaRules): FilePart {
  if (/^data:/i.test(url)) return fromDataUri(url, param, rules);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw refusal('The URL of an image must be absolute.', param);
  const mediaType = mediaTypeOf(parsed.pathname) ?? 'image/jpeg';
  if (!fetchedByVendor(parsed.href, mediaType, rules.urls)) {
    throw refusal('This model does not open such URLs. Send the image as a base64 data URI.', param);
  }
  return { type: 'file', mediaType, data: { type: 'url', url: parsed } };
}

function fromFile(file: OpenAiFilePart['file'], path: string, rules: MediaRules): FilePart {
  if (file.file_data === undefined) {
    throw refusal('This model takes files as file_data only; it has no files by id.', `${path}.file_id`);
  }
  const param = `${path}.file_data`;
  const part = /^data:/i.test(file.file_data)
    ? fromDataUri(file.file_data, param, rules)
    : fromData(file.file_data, mediaTypeOf(file.filename ?? '') ?? 'application/pdf', param, rules);
  return file.filename === undefined ? part : { ...part, filename: file.filename };
}

function fromDataUri(uri: string, param: string, rules: MediaRules): FilePart {
  // No media type is longer; one that is would be looked through in vain, with the data behind it.
  const comma = uri.slice(0, MAX_HEAD_CHARS).indexOf(',');
  const head = /^data:([^;,]+)(?:;[^;,]+)*?;base64$/i.exec(comma < 0 ? '' : uri.slice(0, comma));
  if (head?.[1] === undefined) {
    throw refusal('A data URI must name its media type and be base64: data:image/png;base64,…', param);
  }
  return fromData(uri.slice(comma + 1), head[1].toLowerCase(), param, rules);
}

function fromData(base64: string, mediaType: string, param: string, rules: MediaRules): FilePart {
  const accepted = rules.media.some((type) =>
    type.endsWith('/') ? mediaType.startsWith(type) : mediaType === type,
  );
  if (!accepted) throw refusal(`This model does not read ${kindOf(mediaType)}.`, param);
  return { type: 'file', mediaType, data: { type: 'data', data: base64 } };
}

/** The caller's media type is not repeated whole: it is free text. */
function kindOf(mediaType: string): string {
  const kind = /^(image|audio|video|text)\//.exec(mediaType)?.[1];
  return kind === undefined ? 'files of this type' : `${kind} input of this type`;
}

function mediaTypeOf(name: string): string | undefined {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase();
  return ending !== undefined && Object.hasOwn(MEDIA_TYPES, ending) ? MEDIA_TYPES[ending] : undefined;
}

function fetchedByVendor(url: string, mediaType: string, urls: SupportedUrls): boolean {
  return Object.entries(urls).some(([pattern, urlPatterns]) => {
    const applies =
      pattern === '*' ||
      pattern === '*/*' ||
      pattern === mediaType ||
      (pattern.endsWith('/*') && mediaType.startsWith(pattern.slice(0, -1)));
    return applies && urlPatterns.some((urlPattern) => urlPattern.test(url));
  });
}
