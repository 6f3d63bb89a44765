import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { badResponse } from '../upstream-failures.js';

/**
 * A decoder for a body that is compressed although we ask for `identity` (U25); `undefined` for plain bodies. What it
 * gives is bounded by who reads it, not here.
 * @throws UpstreamError upstream_bad_response for an encoding that we do not know
 */
export function contentDecoder(encoding: string | string[] | undefined): Transform | undefined {
  const name = String(encoding ?? '')
    .trim()
    .toLowerCase();
  switch (name) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress();
    default:
      throw badResponse('unknown content-encoding');
  }
}
