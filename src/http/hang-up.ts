import type { Duplex } from 'node:stream';
import { currentAnswer } from './turns.js';

interface ClientError extends Error {
  code?: string;
}

const ANSWERS: Readonly<Record<string, { status: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    message: 'The request headers are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    message: 'The request took too long to arrive.',
  },
};

const MALFORMED = { status: '400 Bad Request', message: 'The request is not valid HTTP.' };

/** For the client to read the answer and close as well; closing at once might take the answer from it. */
const LINGER_MS = 1_000;

/** Answers bytes that never became a request (bad framing, too slow, too large) and closes the connection. */
export function hangUp(error: ClientError, socket: Duplex): void {
  // In the middle of an answer to an earlier request, another would be read as a part of it.
  if (!socket.writable || error.code === 'ECONNRESET' || currentAnswer(socket)?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { status, message } = ANSWERS[error.code ?? ''] ?? MALFORMED;
  const body = JSON.stringify({
    error: { message, type: 'invalid_request_error', param: null, code: null },
    detail: message,
  });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}
