import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const current = new WeakMap<Duplex, ServerResponse>();
const waiting = new WeakMap<Duplex, number>();

/** Far more than any client pipelines. Each waiting request costs kilobytes, and only thirty bytes to send. */
const MAX_WAITING = 32;

/** The answer that a connection is busy with; `undefined` between requests. */
export function currentAnswer(socket: Duplex): ServerResponse | undefined {
  return current.get(socket);
}

/** Whether another request has arrived behind the one that the connection is busy with. */
export function isFollowed(socket: Duplex): boolean {
  return (waiting.get(socket) ?? 0) > 0;
}

/**
 * Handles requests that a client pipelines on one connection one after the other, as their answers must leave (K10).
 * Handled at once, a later request would be paid for and buffered behind a stream that may last an hour, for a client
 * that may not be there any more. A request whose turn never comes is forgotten with its connection, and a connection
 * on which too many wait is closed. What arrives after a connection's last answer is read off and forgotten.
 */
export function inTurn(handle: Handler): Handler {
  return (request, response) => {
    if (request.socket.writableEnded) {
      request.resume();
      return;
    }
    const begin = (): void => {
      const { socket } = request;
      current.set(socket, response);
      response.once('close', () => {
        if (current.get(socket) === response) current.delete(socket);
      });
      handle(request, response);
    };
    if (response.socket !== null) {
      begin();
      return;
    }
    const { socket } = request;
    const before = waiting.get(socket) ?? 0;
    if (before >= MAX_WAITING) {
      socket.destroy();
      return;
    }
    waiting.set(socket, before + 1);
    // Node gives a response its socket when the one before it has ended.
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      begin();
    });
  };
}
