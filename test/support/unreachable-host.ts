import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LISTEN = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 });
  server.on('listening', () => process.stdout.write(String(server.address().port)));
`;

/**
 * An address that does not answer the knock: neither refuses a connection nor makes it, as a host behind a firewall. A
 * stopped process whose queue of connections is full.
 */
export class UnreachableHost {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly fillers: readonly Socket[],
  ) {}

  static async start(): Promise<UnreachableHost> {
    const child = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGSTOP');
    const fillers: Socket[] = [];
    for (;;) {
      const socket = connect(Number(port.toString()), '127.0.0.1').on('error', () => undefined);
      fillers.push(socket);
      const made = await Promise.race([once(socket, 'connect'), sleep(200, undefined)]);
      if (made === undefined) return new UnreachableHost(Number(port.toString()), child, fillers);
    }
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  close(): void {
    this.child.kill('SIGKILL');
    for (const filler of this.fillers) filler.destroy();
  }
}
