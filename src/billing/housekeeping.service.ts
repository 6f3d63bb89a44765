import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ProcessRegistryService } from '../persistence/process-registry.service.js';
import { HoldRepository } from './hold.repository.js';
import { SweeperService } from './sweeper.service.js';

/** Every few seconds: says that this process lives, and resolves the holds of those that do not. */
@Injectable()
export class HousekeepingService implements OnApplicationShutdown {
  private readonly logger = new Logger('Housekeeping');
  private timer: NodeJS.Timeout | undefined;
  private beats: NodeJS.Timeout | undefined;
  private beating: Promise<void> = Promise.resolve();
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly registry: ProcessRegistryService,
    private readonly sweeper: SweeperService,
    private readonly holds: HoldRepository,
  ) {}

  /** Call once, as soon as the database is ready: what an earlier life left is resolved. */
  async start(): Promise<void> {
    if (this.stopped) return;
    const firstBeat = this.registry.heartbeat();
    this.beating = firstBeat.catch(() => undefined);
    await firstBeat;
    if (this.stopped) return;
    // By a timer of their own: however long a sweep takes, nobody takes this process for dead meanwhile.
    this.beats = setInterval(() => {
      this.beating = this.registry
        .heartbeat()
        .catch((error: unknown) =>
          this.logger.warn(`this process cannot say that it lives: ${String(error)}`),
        );
    }, this.registry.heartbeatMs).unref();
    const firstTurn = this.turn();
    this.running = firstTurn.catch(() => undefined);
    await firstTurn;
    this.schedule();
  }

  /** Call when nothing of this process is open any more: it leaves the others' sight. Never rejects. */
  async stop(): Promise<void> {
    this.end();
    await this.running;
    await this.beating;
    await this.registry.deregister().catch(() => undefined);
  }

  /** For a process that never came to drain. */
  onApplicationShutdown(): void {
    this.end();
  }

  private end(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.beats);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.turn()
        .catch((error: unknown) => this.logger.warn(`holds not swept: ${String(error)}`))
        .finally(() => this.schedule());
    }, this.registry.heartbeatMs).unref();
  }

  private async turn(): Promise<void> {
    const resolved = await this.sweeper.sweep(await this.registry.observe(await this.sweeper.owners()));
    if (resolved > 0) this.logger.log(`resolved ${resolved} holds that a dead process left`);
    await this.registry.forgetDead((id) => this.holds.hasOpenOf(id));
  }
}
