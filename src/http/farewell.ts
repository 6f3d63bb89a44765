import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { currentAnswer, isFollowed } from './turns.js';

/** For the client to read the last answer and close as well. */
const LINGER_MS = 1_000;
/** The same for connections that carry nothing when the process ends. */
const LAST_LINGER_MS = 500;
/** After the last answer: who is about to ask again on a kept connection gets an answer that says goodbye. */
const KEPT_GRACE_MS = 250;
/** How long sockets may take to deliver what was written before shutdown. */
const CLOSE_GRACE_MS = 2_000;
const LOOK_EVERY_MS = 25;

/**
 * Takes leave of clients without cutting anybody short.
 *
 * A connection that the server ends is half-closed first, and read until its client closes as well: bytes that arrive at
 * a closed socket would be answered by a reset, which takes from the client what it has not read yet (RFC 9112 §9.6).
 * Before the process ends, every answer says `connection: close`, so that clients with kept connections go elsewhere by
 * themselves.
 */
export class Farewell {
  private readonly open = new Set<Socket>();
  private accepted = 0;
  private begun = false;

  constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.open.add(socket);
      this.accepted += 1;
      socket.once('close', () => this.open.delete(socket));
      // Node's way of ending a connection after its last answer, which does not wait for the client.
      socket.destroySoon = () => linger(socket, LINGER_MS);
    });
  }

  /** From now on each answer that begins is the last of its connection, unless another request already waits there. */
  begin(): void {
    this.begun = true;
  }

  /** To be called when the head of an answer is about to be written. */
  beforeHead(response: ServerResponse): void {
    if (this.begun && !isFollowed(response.req.socket)) response.shouldKeepAlive = false;
  }

  /** Stops listening, lets written answers reach their clients, and resolves when every connection is closed. */
  async end(): Promise<void> {
    this.begin();
    // Else `close` resets clients that ask at this very moment.
    this.server.closeIdleConnections = () => undefined;
    await this.allClosed(KEPT_GRACE_MS);
    await this.backlogTaken();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const look = setInterval(() => this.endIdle(), LOOK_EVERY_MS);
    this.endIdle();
    await this.allClosed(CLOSE_GRACE_MS);
    clearInterval(look);
    this.server.closeAllConnections();
    await closed;
  }

  private endIdle(): void {
    for (const socket of this.open) {
      if (!socket.writableEnded && currentAnswer(socket) === undefined) linger(socket, LAST_LINGER_MS);
    }
  }

  /** The kernel resets connections that wait to be accepted when nobody listens any more. */
  private async backlogTaken(): Promise<void> {
    const deadlineMs = performance.now() + KEPT_GRACE_MS;
    let before: number;
    do {
      before = this.accepted;
      // Each turn of the event loop accepts one.
      await nextTurn();
      await nextTurn();
    } while (this.accepted > before && performance.now() < deadlineMs);
  }

  /** Resolves when no connection is open, at the latest after `withinMs`. */
  private async allClosed(withinMs: number): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    while (this.open.size > 0 && performance.now() < deadlineMs) {
      await sleep(LOOK_EVERY_MS);
    }
  }
}

function linger(socket: Socket, ms: number): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), ms);
  socket.once('close', () => clearTimeout(timer));
}
