import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate as inflateZlib } from 'node:zlib';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContentEncoding } from './content-format.js';
import { tooLarge } from './body.errors.js';

const DECOMPRESSORS = {
  gzip: promisify(gunzip),
  deflate: promisify(inflateZlib),
  br: promisify(brotliDecompress),
} as const;

/**
 * Decompresses a body off the event loop; a bomb stops at the limit, not at its end.
 *
 * @throws DomainError `request_too_large`, or `body_unreadable` for bytes that are cut short or not of that encoding
 */
export async function inflate(
  bytes: Buffer,
  encoding: Exclude<ContentEncoding, 'identity'>,
  maxBodyBytes: number,
): Promise<Buffer> {
  if (bytes.length === 0) return bytes;
  try {
    return await DECOMPRESSORS[encoding](bytes, { maxOutputLength: maxBodyBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBodyBytes);
    throw new DomainError('body_unreadable', `The request body is not valid ${encoding} data.`, {
      cause: error,
    });
  }
}
