import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ProcessRegistry } from './process-registry.js';
import { SweeperService } from './sweeper.service.js';

/** Every few seconds: says that this process lives, and resolves the holds of those that do not. */
@Injectable()
export class HousekeepingService implements OnApplicationShutdown {
  private readonly logger = new Logger('Housekeeping');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly registry: ProcessRegistry,
    private readonly sweeper: SweeperService,
  ) {}

  /** Call once, when the database is ready and before the first request is taken: what an earlier life left is resolved. */
  async start(): Promise<void> {
    await this.turn();
    this.schedule();
  }

  /** Call when nothing of this process is open any more: it leaves the others' sight. Never rejects. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    await this.registry.leave().catch(() => undefined);
  }

  /** For a process that never came to drain. */
  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.turn()
        .catch((error: unknown) => this.logger.warn(`holds not swept: ${String(error)}`))
        .finally(() => this.schedule());
    }, this.registry.beatMs).unref();
  }

  private async turn(): Promise<void> {
    await this.registry.beat();
    const resolved = await this.sweeper.sweep(await this.registry.look(await this.sweeper.owners()));
    if (resolved > 0) this.logger.log(`resolved ${resolved} holds that a dead process left`);
    await this.registry.forgetDead();
  }
}
