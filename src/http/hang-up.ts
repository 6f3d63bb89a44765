import type { Duplex } from 'node:stream';

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

/** Answers bytes that never became a request (bad framing, too slow, too large) and closes the connection. */
export function hangUp(error: ClientError, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
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
}
