import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { ProcessRegistry } from './process-registry.js';
import { SweeperService } from './sweeper.service.js';

const BEAT_MS = 5_000;

/** Every few seconds: says that this process lives, and resolves the holds of those that do not. */
@Injectable()
export class HousekeepingService implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Housekeeping');
  private timer: NodeJS.Timeout | undefined;
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

  beforeApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.turn()
        .catch((error: unknown) => this.logger.warn(`holds not swept: ${String(error)}`))
        .finally(() => this.schedule());
    }, BEAT_MS).unref();
  }

  private async turn(): Promise<void> {
    await this.registry.beat();
    const resolved = await this.sweeper.sweep(await this.registry.living());
    if (resolved > 0) this.logger.log(`resolved ${resolved} holds that a dead process left`);
  }
}
