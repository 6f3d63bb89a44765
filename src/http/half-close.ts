import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HEARTBEAT, isEventStream } from '../streaming/sse-writer.js';
import { currentAnswer } from './turns.js';

/** Between one probe and the next; the last of them goes on. A closed socket is found out by the second. */
const GAPS_MS = [50, 200, 500, 15_000] as const;

/**
 * Lets a client close its sending half and still get its answer (K3).
 *
 * A client that has left altogether looks the same, a FIN, until something is sent to it: then its kernel refuses. So
 * something harmless is sent at once and now and then: an interim answer (RFC 9110 §15.2) before the head, a comment
 * within an event stream. Either the client reads over it, or its connection closes as for any other that has left (K1,
 * K2). To HTTP/1.0, which has no interim answers, a FIN before the head means that the client has left.
 */
export function allowHalfClose(server: Server): void {
  // Node's own switch; off, it closes the connection, answer or not. Its types lack it.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket) => {
    socket.once('end', () => probe(socket));
  });
}

function probe(socket: Socket): void {
  let count = 0;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    const answer = currentAnswer(socket);
    if (answer !== undefined) send(answer, socket);
    timer = setTimeout(next, GAPS_MS[count] ?? GAPS_MS[3]).unref();
    count += 1;
  };
  socket.once('close', () => clearTimeout(timer));
  next();
}

function send(answer: ServerResponse, socket: Socket): void {
  // What waits to be sent is a probe itself.
  if (answer.writableEnded || answer.writableNeedDrain) return;
  if (!answer.headersSent) {
    if (answer.req.httpVersion === '1.0') socket.destroy();
    else answer.writeProcessing();
  } else if (isEventStream(answer)) {
    answer.write(HEARTBEAT);
  }
}
