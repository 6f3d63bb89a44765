import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AppConfig } from '../config/app-config.js';
import { BlockWatchService } from '../observability/block-watch.service.js';
import { readJsonBody } from './body-reader.js';
import type { TollgateRequest } from './tollgate-request.js';

const READS_BODY_METADATA = 'reads-body';

/** Has the body of a request read whatever its method; of a DELETE it is not otherwise. */
export const ReadsBody = (): MethodDecorator => SetMetadata(READS_BODY_METADATA, true);

/**
 * Last guard: takes in the body of a POST, PATCH or PUT, and where the route says so, after those before it let the request in, so that a stranger
 * cannot make us buffer megabytes. What is too large or no JSON goes no further.
 *
 * Not an interceptor: a single one makes the framework run every handler inside Observables.
 */
@Injectable()
export class BodyGuard implements CanActivate {
  constructor(
    private readonly config: AppConfig,
    private readonly reflector: Reflector,
    private readonly watch: BlockWatchService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<TollgateRequest>();
    const { method } = request;
    const isUsual = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE';
    if (isUsual || this.reflector.get<true | undefined>(READS_BODY_METADATA, context.getHandler())) {
      request.body = await readJsonBody(request, this.config.server);
      this.watch.touch(request);
    }
    return true;
  }
}
