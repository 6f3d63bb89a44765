/**
 * The floor: what any gateway on this runtime must cost. A plain relay, `node:http` in front and `undici` behind, that
 * looks at nothing: body on, answer back by `pipe`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Pool } from 'undici';
import { serveTasks } from './lib/worker.mjs';

let pool;

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => void relay(chunks, response));
});

/** Never rejects: a call that fails closes the client's connection. */
async function relay(chunks, response) {
  try {
    const { statusCode, headers, body } = await pool.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
    });
    response.writeHead(statusCode, {
      'content-type': headers['content-type'],
      ...(headers['content-length'] && { 'content-length': headers['content-length'] }),
    });
    body.on('error', () => response.destroy());
    response.on('close', () => body.destroy());
    body.pipe(response);
  } catch {
    response.destroy();
  }
}

serveTasks({
  async listen({ upstreamPort }) {
    pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 4096, pipelining: 1 });
    server.listen(0, '127.0.0.1', 4096);
    await once(server, 'listening');
    return server.address().port;
  },
});
