/**
 * The vendor of the bench: a raw socket server with its answers made beforehand, so that what it costs does not blur
 * what is measured. Speaks just enough HTTP for clients that keep connections alive and send a content length.
 */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { JSON_MODEL, parseModel } from './scenarios.mjs';
import { serveTasks } from './lib/worker.mjs';

const TICK_MS = 2;
const USAGE = '{"prompt_tokens":20,"completion_tokens":100,"total_tokens":120}';
const ENVELOPE =
  '"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1760000000,"model":"bench-2026-11-22","service_tier":"default","system_fingerprint":"fp_0123456789"';

const counts = { answers: 0, events: 0 };
/** Streams that write at each tick, by tick modulo the pause: streams of one pace do not all write at once. */
const wheels = new Map();
const streamPlans = new Map();

const server = createServer({ noDelay: true }, (socket) => {
  let buffered = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    buffered = buffered.length === 0 ? bytes : Buffer.concat([buffered, bytes]);
    const model = modelOf(buffered);
    if (model === undefined) return;
    buffered = Buffer.alloc(0);
    answer(socket, model);
  });
});

/** The model that a request asks for, once the whole request is there. One request at a time: nobody pipelines. */
function modelOf(bytes) {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = bytes.latin1Slice(0, headEnd);
  const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (bytes.length < headEnd + 4 + length) return undefined;
  const start = bytes.lastIndexOf('"model":"') + 9;
  return bytes.latin1Slice(start, bytes.indexOf('"', start));
}

function answer(socket, model) {
  counts.answers += 1;
  if (model === JSON_MODEL) {
    socket.write(JSON_ANSWER);
    return;
  }
  let plan = streamPlans.get(model);
  if (plan === undefined) streamPlans.set(model, (plan = planOf(parseModel(model))));
  socket.write(STREAM_HEAD);
  const stream = { socket, plan, left: plan.writes };
  if (plan.pauseMs === 0) writeUntilFull(stream);
  else pace(stream);
}

const JSON_ANSWER = (() => {
  const content = 'Paris is the capital and the largest city of France. '.repeat(8).trim();
  const choice = `{"index":0,"message":{"role":"assistant","content":"${content}","refusal":null},"logprobs":null,"finish_reason":"stop"}`;
  const text = `{${ENVELOPE.replace('.chunk', '')},"choices":[${choice}],"usage":${USAGE}}`;
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
})();

const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
);

function planOf({ events, perWrite, pauseMs, eventBytes }) {
  const bare = contentEvent('').length;
  const one = contentEvent(' word'.padEnd(Math.max(5, eventBytes - bare), '.'));
  return {
    pauseMs,
    perWrite,
    writes: Math.ceil(events / perWrite),
    write: httpChunk(one.repeat(perWrite)),
    end: Buffer.concat([
      httpChunk(
        `data: {${ENVELOPE},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n` +
          `data: {${ENVELOPE},"choices":[],"usage":${USAGE}}\n\ndata: [DONE]\n\n`,
      ),
      Buffer.from('0\r\n\r\n'),
    ]),
  };
}

function contentEvent(text) {
  return `data: {${ENVELOPE},"choices":[{"index":0,"delta":{"content":"${text}"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n`;
}

function httpChunk(text) {
  return Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`);
}

/** @returns false when the stream has ended */
function writeNext(stream) {
  const { socket, plan } = stream;
  if (socket.destroyed) return false;
  if (stream.left === 0) {
    socket.write(plan.end);
    return false;
  }
  stream.left -= 1;
  counts.events += plan.perWrite;
  socket.write(plan.write);
  return true;
}

function writeUntilFull(stream) {
  while (!stream.socket.writableNeedDrain) if (!writeNext(stream)) return;
  stream.socket.once('drain', () => writeUntilFull(stream));
}

/** The first event at once, the others by the wheel. */
function pace(stream) {
  const { pauseMs } = stream.plan;
  if (!writeNext(stream)) return;
  let wheel = wheels.get(pauseMs);
  if (wheel === undefined) wheels.set(pauseMs, (wheel = startWheel(pauseMs)));
  wheel.add(stream);
}

function startWheel(pauseMs) {
  const slots = Array.from({ length: Math.max(1, Math.round(pauseMs / TICK_MS)) }, () => new Set());
  let turn = 0;
  let next = 0;
  setInterval(() => {
    turn = (turn + 1) % slots.length;
    for (const stream of slots[turn]) if (!writeNext(stream)) slots[turn].delete(stream);
  }, pauseMs / slots.length);
  return {
    add(stream) {
      next = (next + 1) % slots.length;
      slots[next].add(stream);
    },
  };
}

serveTasks({
  async listen() {
    server.listen(0, '127.0.0.1', 4096);
    await once(server, 'listening');
    return server.address().port;
  },
  counts: () => ({ ...counts }),
});
