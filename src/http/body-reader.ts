import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../common/errors/domain-error.js';
import { ClientGoneError, tooLarge } from './body.errors.js';
import { discardRest } from './discard-rest.js';
import { readContentFormat, type ContentEncoding } from './content-format.js';
import { inflate } from './inflate.js';
import { parseJson } from './json-guard.js';
import { OneAtATime } from './one-at-a-time.js';

export interface BodyLimits {
  /** Largest body, both as sent and inflated. */
  readonly maxBodyBytes: number;
}

/** From so many bytes on, and where it is compressed, a body is read while no other such body is. */
const LARGE_BYTES = 1024 * 1024;

/** Reading takes several times the body in memory, and two at once are read no faster than one after the other. */
const largeBodies = new OneAtATime();

/**
 * Reads a request's JSON. Call it once, after the guards: until then nothing of the body is kept.
 *
 * A refused body is read off (not kept) up to a bound before the error is thrown, so that the client, still busy
 * sending, gets to read the answer instead of a reset connection. How long a client may take is not decided here but
 * by `server.requestTimeout`.
 *
 * @returns the parsed value, `undefined` for an empty body; safe to walk, see `parseJson`
 * @throws DomainError `unsupported_content_type`, `unsupported_charset`, `unsupported_encoding`, `request_too_large`,
 *   `body_unreadable` (bytes that are no gzip or no UTF-8)
 * @throws ClientGoneError
 * @throws ValidationFailedError for malformed or too deep JSON; a large text is parsed in slices
 */
export async function readJsonBody(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  const { maxBodyBytes } = limits;
  let encoding: ContentEncoding;
  let sent: Buffer;
  try {
    encoding = readContentFormat(request.headers);
    sent = await readBytes(request, maxBodyBytes);
  } catch (error) {
    if (!(error instanceof ClientGoneError)) await discardRest(request, maxBodyBytes);
    throw error;
  }
  if (sent.length < LARGE_BYTES && encoding === 'identity') return parsed(sent);
  return largeBodies.run(async () => {
    const bytes = encoding === 'identity' ? sent : await inflate(sent, encoding, maxBodyBytes);
    return parsed(bytes);
  });
}

function parsed(bytes: Buffer): Promise<unknown> {
  return bytes.length === 0 ? Promise.resolve(undefined) : parseJson(decodeUtf8(bytes));
}

function readBytes(request: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (act: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      act();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBodyBytes) {
        request.pause();
        settle(() => reject(tooLarge(maxBodyBytes)));
      } else chunks.push(chunk);
    };
    const onEnd = (): void =>
      settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
    const onError = (error: Error): void => settle(() => reject(new ClientGoneError(error)));
    const onClose = (): void => settle(() => reject(new ClientGoneError()));
    request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    if (request.destroyed) onClose();
  });
}

/** Refuses what is no UTF-8 rather than reading it as U+FFFD; a byte order mark is tolerated. */
function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new DomainError('body_unreadable', 'The request body is not valid UTF-8.');
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString('utf8', hasMark ? 3 : 0);
}
