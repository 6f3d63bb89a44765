import type { Base64Bytes } from './base64-bytes.js';

/** Pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Headers of PNG and WebP end here; most of JPEG and GIF do. */
const FIRST_LOOK_BYTES = 3_072;
/** A JPEG may have a preview, a colour profile and more before its size, and a GIF before its first frame. */
const LONGEST_LOOK_BYTES = 768 * 1_024;

/** Uncompressed, with 16 bits a channel: no picture has more data. Beside it previews, profiles and text. */
const MOST_BYTES_A_PIXEL = 8;
const MOST_BYTES_BESIDE = 512 * 1_024;

/**
 * The size of a picture by its header, whatever media type it is said to have.
 *
 * @returns `undefined` for another format, a header that is cut off, and one that cannot be true for so many bytes
 */
export function imageSize(bytes: Base64Bytes): ImageSize | undefined {
  const head = bytes.first(FIRST_LOOK_BYTES);
  if (head === undefined) return undefined;
  let size = pngSize(head) ?? gifSize(head) ?? webpSize(head) ?? jpegSize(head);
  if (size === undefined && (isJpeg(head) || isGif(head)) && bytes.length > head.length) {
    const more = bytes.first(LONGEST_LOOK_BYTES);
    size = more && (gifSize(more) ?? jpegSize(more));
  }
  if (size === undefined || size.width === 0 || size.height === 0) return undefined;
  const mostBytes = size.width * size.height * MOST_BYTES_A_PIXEL + MOST_BYTES_BESIDE;
  return bytes.length > mostBytes ? undefined : size;
}

/** @see https://www.w3.org/TR/png-3/#11IHDR */
function pngSize(head: Buffer): ImageSize | undefined {
  if (head.length < 24 || head.readUInt32BE(0) !== 0x89504e47 || head.toString('latin1', 12, 16) !== 'IHDR') {
    return undefined;
  }
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

/**
 * Readers make the screen larger where the first frame does not fit on it.
 * @see https://www.w3.org/Graphics/GIF/spec-gif89a.txt, 18 to 24
 */
function gifSize(head: Buffer): ImageSize | undefined {
  if (!isGif(head)) return undefined;
  const flags = head[10] as number;
  let at = 13 + (flags >= 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  while (head[at] === 0x21) {
    // An extension is blocks, each with its length before it; an empty one ends it.
    at += 2;
    while ((head[at] ?? 0) > 0) at += 1 + (head[at] as number);
    at += 1;
  }
  if (head[at] !== 0x2c || at + 9 > head.length) return undefined;
  return {
    width: Math.max(head.readUInt16LE(6), head.readUInt16LE(at + 1) + head.readUInt16LE(at + 5)),
    height: Math.max(head.readUInt16LE(8), head.readUInt16LE(at + 3) + head.readUInt16LE(at + 7)),
  };
}

/** @see https://developers.google.com/speed/webp/docs/riff_container */
function webpSize(head: Buffer): ImageSize | undefined {
  if (head.length < 30 || head.toString('latin1', 0, 4) !== 'RIFF') return undefined;
  switch (head.toString('latin1', 8, 16)) {
    case 'WEBPVP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    case 'WEBPVP8L': {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'WEBPVP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}

function isGif(head: Buffer): boolean {
  return head.length >= 13 && /^GIF8[79]a$/.test(head.toString('latin1', 0, 6));
}

function isJpeg(head: Buffer): boolean {
  return head.length >= 2 && head.readUInt16BE(0) === 0xffd8;
}

/**
 * From segment to segment to the frame header; each step goes forward.
 * @see https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.2.2
 */
function jpegSize(head: Buffer): ImageSize | undefined {
  if (!isJpeg(head)) return undefined;
  let at = 2;
  while (at + 9 <= head.length) {
    if (head[at] !== 0xff) return undefined;
    const marker = head[at + 1] as number;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: head.readUInt16BE(at + 5), width: head.readUInt16BE(at + 7) };
    // The scan, or a marker without a length, where none may be.
    if (marker === 0xda || marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9)) return undefined;
    const length = head.readUInt16BE(at + 2);
    if (length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}
