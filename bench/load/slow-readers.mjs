import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Clients that ask for a stream and then read it at a trickle: each takes `bytesPerSecond`, once a second, and leaves
 * the rest to the kernel's buffers, whose end is soon reached.
 */
export class SlowReaders {
  #sockets = [];
  #timer;
  #bytesRead = 0;

  async open({ port, request, count, bytesPerSecond, openingMs }) {
    const bytes = Buffer.from(request);
    for (let i = 0; i < count; i += 1) {
      this.#sockets.push(this.#reader(port, bytes, bytesPerSecond));
      if (i % 20 === 19) await pause((openingMs * 20) / count);
    }
    let next = 0;
    // A twentieth of them every fiftieth of a second.
    const share = Math.ceil(count / 20);
    this.#timer = setInterval(() => {
      for (let i = 0; i < share; i += 1) {
        this.#sockets[next].resume();
        next = (next + 1) % count;
      }
    }, 50);
  }

  /** @returns how many are still connected, and what all have read */
  state() {
    return { open: this.#sockets.filter((socket) => !socket.destroyed).length, bytesRead: this.#bytesRead };
  }

  close() {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets = [];
  }

  #reader(port, request, bytesPerSecond) {
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        // One read takes no more than this buffer holds; false stops reading until the next turn.
        buffer: Buffer.alloc(bytesPerSecond),
        callback: (length) => {
          this.#bytesRead += length;
          return false;
        },
      },
    });
    socket.on('error', () => socket.destroy());
    socket.write(request);
    return socket;
  }
}
