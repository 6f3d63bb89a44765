import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';

const LOADER = new URL('../db/fixtures/run-typescript.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Starting compiles the source, beside whatever else the machine does. */
const START_MS = 15_000;

export interface TollgateProcessOptions {
  /** A folder to work in, for a second start; default: a new one. */
  readonly folder?: string;
  /** The whole `tollgate.yaml`. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `src/main.ts` as a process of its own: what operators see of it is what it prints and how it ends. */
export class TollgateProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** Holds `tollgate.yaml` and `data/`. */
    readonly folder: string,
    private readonly printed: Buffer[],
    private readonly exited: Promise<unknown>,
  ) {}

  static async start({ folder, yaml, env }: TollgateProcessOptions = {}): Promise<TollgateProcess> {
    const cwd = folder ?? (await mkdtemp(join(tmpdir(), 'tollgate-process-')));
    if (yaml !== undefined) await writeFile(join(cwd, 'tollgate.yaml'), yaml);
    const child = spawn(process.execPath, ['--no-warnings', '--import', LOADER, MAIN], {
      cwd,
      env: { PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed: Buffer[] = [];
    child.stdout?.on('data', (bytes: Buffer) => printed.push(bytes));
    child.stderr?.on('data', (bytes: Buffer) => printed.push(bytes));
    return new TollgateProcess(child, cwd, printed, once(child, 'close'));
  }

  /** All that it has printed on either of its outputs. */
  get output(): string {
    return Buffer.concat(this.printed).toString();
  }

  /** `http://127.0.0.1:<port>`, once the first boot is over and keys are known. */
  async origin(): Promise<string> {
    const origin = await eventually(
      () => {
        if (this.child.exitCode !== null) throw new Error(`ended: ${this.output}`);
        return /listens on (\S+)/.exec(this.output)?.[1];
      },
      'a line that says where it listens',
      START_MS,
    );
    await eventually(async () => (await fetch(`${origin}/health/ready`)).ok, 'readiness', START_MS);
    return origin;
  }

  /** SIGTERM, and everything that it has printed by its end. */
  async stop(): Promise<string> {
    this.signal('SIGTERM');
    await this.exited;
    return this.output;
  }

  /** Does not wait for what comes of it; nothing happens to a process that has ended. */
  signal(name: NodeJS.Signals): void {
    if (this.child.exitCode === null) this.child.kill(name);
  }

  /** Resolves when it has ended; `null`: killed by a signal. */
  async exitCode(): Promise<number | null> {
    await this.exited;
    return this.child.exitCode;
  }

  /** Ends it and removes its folder. */
  async discard(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
