import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const current = new WeakMap<Duplex, ServerResponse>();

/** The answer that a connection is busy with; `undefined` between requests. */
export function currentAnswer(socket: Duplex): ServerResponse | undefined {
  return current.get(socket);
}

/**
 * Handles requests that a client pipelines on one connection one after the other, as their answers must leave (K10).
 * Handled at once, a later request would be paid for and buffered behind a stream that may last an hour, for a client
 * that may not be there any more. A request whose turn never comes is forgotten with its connection.
 */
export function inTurn(handle: Handler): Handler {
  return (request, response) => {
    const begin = (): void => {
      const { socket } = request;
      current.set(socket, response);
      response.once('close', () => {
        if (current.get(socket) === response) current.delete(socket);
      });
      handle(request, response);
    };
    // Node gives a response its socket when the one before it has ended.
    if (response.socket === null) response.once('socket', begin);
    else begin();
  };
}
