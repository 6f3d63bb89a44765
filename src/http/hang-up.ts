import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { DomainError } from '../common/errors/domain-error.js';
import type { ErrorCode } from '../common/errors/error-code.js';
import { renderError } from '../surfaces/render-error.js';
import { WATERFLAI } from '../surfaces/surface.js';
import { currentAnswer } from './turns.js';

interface ClientError extends Error {
  code?: string;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { code: 'headers_too_large', message: 'The request headers are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request_timeout', message: 'The request took too long to arrive.' },
};

const MALFORMED: Refusal = { code: 'malformed_request', message: 'The request is not valid HTTP.' };

/** For the client to read the answer and close as well; closing at once might take the answer from it. */
const LINGER_MS = 1_000;

/** Answers bytes that never became a request (bad framing, too slow, too large) and closes the connection. */
export function hangUp(error: ClientError, socket: Duplex): void {
  // In the middle of an answer to an earlier request, another would be read as a part of it.
  if (!socket.writable || error.code === 'ECONNRESET' || currentAnswer(socket)?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { code, message } = REFUSALS[error.code ?? ''] ?? MALFORMED;
  // No path was read, so no dialect is known; the one with the most keys serves readers of all.
  const rendered = renderError(new DomainError(code, message), WATERFLAI);
  const body = JSON.stringify(rendered.body);
  socket.end(
    `HTTP/1.1 ${rendered.status} ${STATUS_CODES[rendered.status]}\r\n` +
      `content-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}
