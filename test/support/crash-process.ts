import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Made by `test/crash/fixtures/bundle.mjs`. */
const PROGRAMS = new URL('../../node_modules/.cache/tests/crash/', import.meta.url);
const PROGRAM = fileURLToPath(new URL('main.js', PROGRAMS));

/** It was gone before it listened. */
export class NeverListenedError extends Error {
  constructor(
    complaints: string,
    /** By a signal, not by its own decision. */
    readonly killed: boolean,
  ) {
    super(`The gateway did not start: ${complaints}`);
  }
}

/** The built program as a process of its own, that a test may stop and kill. */
export class GatewayProcess {
  private constructor(
    readonly origin: string,
    private readonly child: ChildProcess,
    /** Resolves when it is gone, with its exit code; `null`: a signal. */
    readonly gone: Promise<number | null>,
    private readonly errors: readonly string[],
  ) {}

  /**
   * Resolves when it listens.
   *
   * @param env the whole environment of the process
   * @param preload what it loads first: `crash-points.js` or `faulty-close.js`
   * @throws NeverListenedError
   */
  static async start(env: Readonly<Record<string, string>>, preload?: string): Promise<GatewayProcess> {
    const imports = preload === undefined ? [] : ['--import', new URL(preload, PROGRAMS).href];
    const child = spawn(process.execPath, ['--no-warnings', ...imports, PROGRAM], {
      env: { PORT: '0', LOG_LEVEL: 'silent', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const gone = once(child, 'exit').then(([code]) => code as number | null);
    const errors: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
    const lines = createInterface({ input: child.stdout });
    const listening = new Promise<string>((resolve) => {
      lines.on('line', (line) => {
        const origin = /^Tollgate listens on (\S+)/.exec(line)?.[1];
        if (origin !== undefined) resolve(origin);
      });
    });
    const origin = await Promise.race([listening, gone]);
    if (typeof origin !== 'string') throw new NeverListenedError(errors.join(''), origin === null);
    return new GatewayProcess(origin, child, gone, errors);
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it wrote to standard error. */
  get complaints(): string {
    return this.errors.join('');
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.alive) this.child.kill('SIGKILL');
    await this.gone;
  }
}
