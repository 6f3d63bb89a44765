import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate as inflateZlib } from 'node:zlib';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContentEncoding } from './content-format.js';
import { tooDense, tooLarge } from './body.errors.js';

const DECOMPRESSORS = {
  gzip: promisify(gunzip),
  deflate: promisify(inflateZlib),
  br: promisify(brotliDecompress),
} as const;

/** What a body may unpack to, times its bytes. Text packs to a fifth or so, and lists of the same words to a tenth. */
const MAX_RATIO = 16;
/** However small it came: reading this much is cheap. */
const ALWAYS_BYTES = 2 * 1024 * 1024;

/**
 * Decompresses a body off the event loop; a bomb stops at the limit, not at its end. The limit is `maxBodyBytes`, or
 * less for a small body: what is read must be in proportion to what was sent.
 *
 * @throws DomainError `request_too_large`, or `body_unreadable` for bytes that are cut short or not of that encoding
 */
export async function inflate(
  bytes: Buffer,
  encoding: Exclude<ContentEncoding, 'identity'>,
  maxBodyBytes: number,
): Promise<Buffer> {
  if (bytes.length === 0) return bytes;
  const maxOutputLength = Math.min(maxBodyBytes, Math.max(ALWAYS_BYTES, bytes.length * MAX_RATIO));
  try {
    return await DECOMPRESSORS[encoding](bytes, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw maxOutputLength < maxBodyBytes ? tooDense(maxOutputLength) : tooLarge(maxBodyBytes);
    }
    throw new DomainError('body_unreadable', `The request body is not valid ${encoding} data.`, {
      cause: error,
    });
  }
}
