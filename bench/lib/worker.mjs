import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

/** Longer than any single task of a full run. */
const TASK_TIMEOUT_MS = 120_000;

/**
 * The child's side: answers `{ id, task, args }` with `{ id, value }` or `{ id, error }`, and leaves when the parent is
 * gone, however that came about.
 * @param tasks functions by name; may be asynchronous, may run side by side
 */
export function serveTasks(tasks) {
  process.on('disconnect', () => process.exit());
  const serve = async ({ id, task, args }) => {
    try {
      process.send({ id, value: await tasks[task](args) });
    } catch (error) {
      process.send({ id, error: error.stack ?? String(error) });
    }
  };
  process.on('message', (message) => void serve(message));
  process.send('ready');
}

/** The parent's side of a child that runs `serveTasks`. */
export class Worker {
  #child;
  #open = new Map();
  #lastId = 0;

  constructor(child) {
    this.#child = child;
    child.on('message', ({ id, value, error }) => {
      const { resolve, reject } = this.#open.get(id) ?? {};
      this.#open.delete(id);
      if (error === undefined) resolve?.(value);
      else reject?.(new Error(error));
    });
    child.on('exit', () => {
      for (const { reject } of this.#open.values()) reject(new Error(`${child.spawnfile} has left`));
    });
  }

  /** @param file module to run, a URL */
  static async start(file) {
    const child = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    await once(child, 'message', { signal: AbortSignal.timeout(10_000) });
    return new Worker(child);
  }

  get pid() {
    return this.#child.pid;
  }

  /** Rejects when the task throws, the child leaves, or two minutes pass. */
  run(task, args = {}) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#open.delete(id);
        reject(new Error(`${task} did not end`));
      }, TASK_TIMEOUT_MS);
      const settled = (settle) => (value) => {
        clearTimeout(timer);
        settle(value);
      };
      this.#open.set(id, { resolve: settled(resolve), reject: settled(reject) });
      this.#child.send({ id, task, args });
    });
  }

  stop() {
    return stopChild(this.#child);
  }
}

/** Asks a child to leave, then makes it. */
export async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const forced = pause(3_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
  await Promise.race([gone, forced]);
  await gone;
}
