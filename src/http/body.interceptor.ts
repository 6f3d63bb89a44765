import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { defer, from, switchMap, type Observable } from 'rxjs';
import { AppConfig } from '../config/app-config.js';
import { readJsonBody } from './body-reader.js';
import type { TollgateRequest } from './tollgate-request.js';

/**
 * Reads and parses the body of a POST, PATCH or PUT after the guards let the request in: a stranger cannot make us
 * buffer megabytes.
 */
@Injectable()
export class BodyInterceptor implements NestInterceptor {
  constructor(private readonly config: AppConfig) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<TollgateRequest>();
    if (request.method === 'GET' || request.method === 'HEAD' || request.method === 'DELETE') {
      return next.handle();
    }
    return defer(() => from(readJsonBody(request, this.config.server))).pipe(
      switchMap((body) => {
        request.body = body;
        return next.handle();
      }),
    );
  }
}
