import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const MEASURE = new URL('../bodies/fixtures/measure.mjs', import.meta.url).href;

/** What handling something took at most of the process. */
export interface Cost {
  /** CPU milliseconds of the main thread without a turn of the event loop. */
  readonly blockMs: number;
  /** The same on the clock, which also counts waiting for the processor. */
  readonly wallMs: number;
  /** Resident bytes above those before it. */
  readonly memoryBytes: number;
}

/** The built program as a process that tells what it did. */
export class MeasuredGateway {
  private constructor(
    readonly origin: string,
    private readonly child: ChildProcess,
    private readonly errors: readonly string[],
  ) {}

  /** @param env the whole environment of the process */
  static async start(env: Readonly<Record<string, string>>): Promise<MeasuredGateway> {
    const child = spawn(process.execPath, ['--no-warnings', '--expose-gc', '--import', MEASURE, PROGRAM], {
      // What is freed goes back to the system at once, so that it cannot hide what is taken later.
      env: { PORT: '0', LOG_LEVEL: 'silent', MALLOC_MMAP_THRESHOLD_: '131072', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const errors: string[] = [];
    child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text));
    const gone = once(child, 'exit').then(() => undefined);
    const listening = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const origin = /listens on (http\S+)/.exec(line)?.[1];
        if (origin !== undefined) resolve(origin);
      });
    });
    const origin = await Promise.race([listening, gone]);
    if (origin === undefined) throw new Error(`The gateway did not start: ${errors.join('')}`);
    return new MeasuredGateway(origin, child, errors);
  }

  /** @throws when the process ended meanwhile */
  async costOf(work: () => Promise<unknown>): Promise<Cost> {
    const { rssBytes } = await this.ask<{ rssBytes: number }>('reset');
    await work();
    const { blockMs, wallMs, peakBytes } = await this.ask<{
      blockMs: number;
      wallMs: number;
      peakBytes: number;
    }>('read');
    return { blockMs, wallMs, memoryBytes: Math.max(0, peakBytes - rssBytes) };
  }

  /** CPU milliseconds of a fixed piece of work in this process. */
  async fixedWorkMs(): Promise<number> {
    return (await this.ask<{ workMs: number }>('calibrate')).workMs;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  private async ask<T>(what: string): Promise<T> {
    const answer = once(this.child, 'message');
    const gone = once(this.child, 'exit').then(() => {
      throw new Error(`The gateway ended: ${this.errors.join('')}`);
    });
    gone.catch(() => undefined);
    this.child.send(what);
    const [message] = (await Promise.race([answer, gone])) as [T];
    return message;
  }
}
