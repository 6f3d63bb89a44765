import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import { Public } from '../auth/access.decorator.js';
import { DomainError } from '../common/errors/domain-error.js';
import { InFlight } from '../inference/in-flight.js';
import { DatabaseReadiness } from '../persistence/database.js';

/** For load balancers: may this process be sent work, and is it alive at all? */
@ApiExcludeController()
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: DatabaseReadiness,
    private readonly inFlight: InFlight,
  ) {}

  /** 200 as long as the event loop turns. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * @throws DomainError `overloaded`, which is 503, while the database is away or takes no writes (nothing can be charged
   *   then), and from the first moment of shutdown
   */
  @Get('ready')
  async ready(): Promise<HealthCheckResult> {
    try {
      return await this.checks.check([
        async () => {
          const indicator = this.indicators.check('database');
          const serves = this.database.ready && (await this.database.isWritable());
          return serves ? indicator.up() : indicator.down();
        },
        () => {
          const indicator = this.indicators.check('accepting');
          return this.inFlight.draining ? indicator.down() : indicator.up();
        },
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const { error: down = {} } = error.getResponse() as HealthCheckResult;
      throw new DomainError('overloaded', `Not ready: ${Object.keys(down).join(', ')}.`, { cause: error });
    }
  }
}
