import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { readJsonBody } from './body-reader.js';
import type { TollgateRequest } from './tollgate-request.js';

/**
 * Last guard: takes in the body of a POST, PATCH or PUT after those before it let the request in, so that a stranger
 * cannot make us buffer megabytes. What is too large or no JSON goes no further.
 *
 * Not an interceptor: a single one makes the framework run every handler inside Observables.
 */
@Injectable()
export class BodyGuard implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<TollgateRequest>();
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD' && method !== 'DELETE') {
      request.body = await readJsonBody(request, this.config.server);
    }
    return true;
  }
}
