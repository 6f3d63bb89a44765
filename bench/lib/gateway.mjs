import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { stopChild } from './worker.mjs';

export const API_KEY = 'sk-tg-bench-0123456789abcdefghijklmnopqrstuvwxyz';
const START_DEADLINE_MS = 30_000;
const HEAP_PROBE_ARGS = ['--expose-gc', '--import', new URL('heap-probe.mjs', import.meta.url).href];

/**
 * The gateway as a user runs it: `node dist/main.js`, SQLite in a fresh folder, authentication, both limits and durable
 * usage on, the log at its default level into a pipe that is read.
 */
export class Gateway {
  #child;
  #folder;

  constructor(child, folder, { port, readyMs, servingMs }) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
    /** From spawn to the first 200 of `/health/ready`. */
    this.readyMs = readyMs;
    /** From spawn to the first 200 that needed the key. */
    this.servingMs = servingMs;
  }

  /**
   * @param options.main the compiled `main.js`
   * @param options.models upstream models that it serves, each under `bench/<model>`
   * @param options.nodeArgs flags of Node, such as `--cpu-prof`
   * @param options.heapProbe lets `memoryAfterGc` be asked
   * @param options.folder of an earlier gateway, to start on its database
   */
  static async start({
    main,
    upstreamPort,
    models = [],
    nodeArgs = [],
    heapProbe = false,
    env = {},
    folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-')),
  }) {
    writeFileSync(join(folder, 'tollgate.yaml'), catalogue(upstreamPort, new Set(models)));
    const startMs = performance.now();
    const child = spawn(process.execPath, [...(heapProbe ? HEAP_PROBE_ARGS : []), ...nodeArgs, main], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        BOOTSTRAP_API_KEY: API_KEY,
        ADMIN_KEY: 'admin-tg-bench-0123456789abcdefghijklmnopqrstu',
        BOOTSTRAP_CREDITS: '1000000000',
        // High enough never to refuse; counted all the same.
        DEFAULT_RPM: '100000000',
        DEFAULT_TPM: '1000000000000',
        UPSTREAM_MAX_CONNECTIONS: '4096',
        BENCH_VENDOR_KEY: 'bench-vendor-key',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit', ...(heapProbe ? ['ipc'] : [])],
    });
    try {
      const port = await listening(child);
      const deadlineMs = startMs + START_DEADLINE_MS;
      await untilOk(`http://127.0.0.1:${port}/health/ready`, deadlineMs);
      const readyMs = performance.now() - startMs;
      await untilOk(`http://127.0.0.1:${port}/api/v1/models`, deadlineMs);
      return new Gateway(child, folder, { port, readyMs, servingMs: performance.now() - startMs });
    } catch (error) {
      await stopChild(child);
      throw error;
    }
  }

  get pid() {
    return this.#child.pid;
  }

  /** `process.memoryUsage()` of the gateway, bytes, after it has collected all garbage. */
  async memoryAfterGc() {
    this.#child.send('gc');
    const [usage] = await once(this.#child, 'message');
    return usage;
  }

  /** Stops the process and keeps its folder. */
  async halt() {
    await stopChild(this.#child);
    return this.#folder;
  }

  async stop() {
    await this.halt();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Usage rows on disk; to be asked after `halt`. */
  storedRecords() {
    const database = new DatabaseSync(join(this.#folder, 'data', 'tollgate.db'), { readOnly: true });
    try {
      return database.prepare('select count(*) as rows from usage_records').get().rows;
    } finally {
      database.close();
    }
  }
}

/** The port that the child says it listens on; afterwards its output is read and dropped. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (bytes) => {
      if (text === undefined) return;
      text += bytes;
      const port = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port === undefined) return;
      text = undefined;
      resolve(Number(port));
    });
    child.once('exit', () => reject(new Error(`the gateway did not start: ${text ?? ''}`)));
  });
}

async function untilOk(url, deadlineMs) {
  const headers = { authorization: `Bearer ${API_KEY}` };
  for (;;) {
    const response = await fetch(url, { headers }).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    if (performance.now() > deadlineMs) throw new Error(`no 200 from ${url}`);
    await pause(5);
  }
}

function catalogue(upstreamPort, models) {
  const entries = [...models].map(
    (model) => `
  - id: bench/${model}
    name: ${model}
    owned_by: bench
    context_length: 1048576
    max_completion_tokens: 1000000
    pricing: { prompt: '0.0000003', completion: '0.0000025' }
    routes: [{ upstream: main, model: ${model} }]`,
  );
  return `upstreams:
  main: { protocol: openai, base_url: 'http://127.0.0.1:${upstreamPort}/v1', api_key: "\${BENCH_VENDOR_KEY}" }
  sandbox: { protocol: sandbox }
models:${entries.length === 0 ? ' []' : entries.join('')}
`;
}
