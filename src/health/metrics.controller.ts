import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { AdminOnly } from '../auth/access.decorator.js';
import { stampProcessingTime } from '../http/send-json.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { MetricsService } from '../observability/metrics.service.js';

/** `GET /metrics` for Prometheus, with the admin key as its bearer token: figures of a business are nobody else's. */
@ApiExcludeController()
@AdminOnly()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  @Get()
  async scrape(@Req() request: TollgateRequest, @Res() response: Response): Promise<void> {
    const text = await this.metrics.registry.metrics();
    response.setHeader('content-type', this.metrics.registry.contentType);
    stampProcessingTime(request, response);
    response.end(text);
  }
}
