import { connect } from 'node:net';

/**
 * One keep-alive connection that carries one request at a time. Reads just enough of an answer to know its status, its
 * first byte of body and its end, so that the load generator stays cheap beside what it measures.
 */
export class Connection {
  #socket;
  #current;

  constructor(port, socketOptions = {}) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, ...socketOptions });
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#current?.reject(new Error('the connection was closed')));
  }

  /**
   * @param bytes a whole request
   * @returns times on the clock of `performance.now()`, and in how many reads the body came
   * @throws Error when the connection breaks
   */
  send(bytes) {
    return new Promise((resolve, reject) => {
      const settled = (settle) => (value) => {
        this.#current = undefined;
        settle(value);
      };
      this.#current = {
        resolve: settled(resolve),
        reject: settled(reject),
        sentMs: performance.now(),
        firstByteMs: 0,
        status: 0,
        head: '',
        bodyLeft: -1,
        tail: '',
        reads: 0,
      };
      this.#socket.write(bytes);
    });
  }

  close() {
    this.#current = undefined;
    this.#socket.destroy();
  }

  #read(read) {
    const answer = this.#current;
    if (answer === undefined) return;
    const body = answer.status === 0 ? readHead(answer, read) : read;
    if (body === undefined || body.length === 0) return;
    if (answer.reads === 0) answer.firstByteMs = performance.now();
    answer.reads += 1;
    if (isLast(answer, body)) {
      const { status, sentMs, firstByteMs, reads } = answer;
      answer.resolve({ status, sentMs, firstByteMs, endMs: performance.now(), reads });
    }
  }
}

/** @returns what follows the head, once it is whole */
function readHead(answer, read) {
  const before = answer.head.length;
  answer.head += read.latin1Slice();
  const end = answer.head.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = answer.head.slice(0, end);
  answer.status = Number(head.slice(9, 12));
  answer.bodyLeft = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? -1);
  return read.subarray(end + 4 - before);
}

/** By length, or by the empty chunk that ends a chunked body (our upstream's text never looks like one). */
function isLast(answer, body) {
  if (answer.bodyLeft >= 0) return (answer.bodyLeft -= body.length) <= 0;
  answer.tail = (answer.tail + body.latin1Slice(Math.max(0, body.length - 5))).slice(-5);
  return answer.tail === '0\r\n\r\n';
}
