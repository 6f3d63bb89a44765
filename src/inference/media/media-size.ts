import type { AudioPart, FilePart, ImagePart } from '../../contracts/openai/chat-completion.js';
import { base64Bytes, type Base64Bytes } from './base64-bytes.js';
import { imageSize, type ImageSize } from './image-size.js';
import { pagesByBytes, pdfPages, type ScanBudget } from './pdf-pages.js';
import { secondsByBytes, soundSeconds } from './sound-seconds.js';

export type MediaPart = ImagePart | AudioPart | FilePart;

/** What is known of how much there is to read in a part. The gateway never fetches anything to know more. */
export type MediaSize =
  | { readonly kind: 'image'; readonly size: ImageSize | undefined; readonly detail: 'low' | 'high' | 'auto' }
  | { readonly kind: 'pages'; readonly pages: number }
  | { readonly kind: 'sound'; readonly seconds: number }
  | { readonly kind: 'video'; readonly seconds: number }
  | { readonly kind: 'text'; readonly bytes: number }
  /** A file by id, or at an address. */
  | { readonly kind: 'elsewhere' };

/** The smallest video that anybody sends. */
const LEAST_BYTES_A_SECOND_OF_VIDEO = 10_000;

/** Reads sizes from the bytes where they are there: linear in them, and never throws. */
export function mediaSize(part: MediaPart, budget: ScanBudget): MediaSize {
  switch (part.type) {
    case 'image_url': {
      const { url, detail = 'auto' } = part.image_url;
      if (!isDataUri(url)) return { kind: 'image', size: undefined, detail };
      return sizeOfDataUri(url, 'image/', detail, budget);
    }
    case 'input_audio':
      return soundOf(base64Bytes(part.input_audio.data, 0));
    case 'file': {
      const { file_data: data, filename = '' } = part.file;
      if (data === undefined || /^https?:/i.test(data)) return { kind: 'elsewhere' };
      return isDataUri(data)
        ? sizeOfDataUri(data, 'application/pdf', 'high', budget)
        : sizeOf(base64Bytes(data, 0), typeByName(filename), 'high', budget);
    }
  }
}

function isDataUri(text: string): boolean {
  return text.slice(0, 5).toLowerCase() === 'data:';
}

/** The media type stands before the first comma, of which there is none in it. */
const LONGEST_TYPE = 256;

function sizeOfDataUri(
  uri: string,
  fallback: string,
  detail: 'low' | 'high' | 'auto',
  budget: ScanBudget,
): MediaSize {
  const comma = uri.slice(0, LONGEST_TYPE).indexOf(',');
  const type = comma === -1 ? fallback : (uri.slice(5, comma).split(';')[0] ?? '').trim().toLowerCase();
  return sizeOf(base64Bytes(uri, comma + 1), type === '' ? fallback : type, detail, budget);
}

/** By what the bytes are first: what they are said to be is the caller's word. */
function sizeOf(
  bytes: Base64Bytes,
  type: string,
  detail: 'low' | 'high' | 'auto',
  budget: ScanBudget,
): MediaSize {
  const head = bytes.first(1_027)?.toString('latin1') ?? '';
  if (head.includes('%PDF-') || type === 'application/pdf') {
    const file = budget.spent ? undefined : bytes.first(bytes.length);
    return {
      kind: 'pages',
      pages: file === undefined ? pagesByBytes(bytes.length) : pdfPages(file, budget),
    };
  }
  if (type.startsWith('image/')) return { kind: 'image', size: imageSize(bytes), detail };
  if (type.startsWith('audio/')) return soundOf(bytes);
  if (type.startsWith('video/')) {
    return { kind: 'video', seconds: bytes.length / LEAST_BYTES_A_SECOND_OF_VIDEO };
  }
  return { kind: 'text', bytes: bytes.length };
}

function soundOf(bytes: Base64Bytes): MediaSize {
  const file = bytes.first(bytes.length);
  return { kind: 'sound', seconds: file === undefined ? secondsByBytes(bytes.length) : soundSeconds(file) };
}

const TYPES_BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/\.(?:png|jpe?g|gif|webp|bmp|hei[cf])$/i, 'image/'],
  [/\.(?:mp3|wav)$/i, 'audio/'],
  [/\.mp4$/i, 'video/'],
  [/\.(?:json|txt|md|csv|html)$/i, 'text/'],
];

function typeByName(filename: string): string {
  return TYPES_BY_NAME.find(([ending]) => ending.test(filename))?.[1] ?? 'application/pdf';
}
