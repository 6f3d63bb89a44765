import {
  Catch,
  HttpException,
  NotFoundException,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import { LogService } from '../observability/log.service.js';
import { RouteTableService } from './route-table.service.js';
import { sendError } from './send-error.js';
import type { TollgateRequest } from './tollgate-request.js';

/**
 * The one place where an exception becomes an answer. Domain errors go through the error table; what the framework
 * throws is translated first; the rest is our bug and is told as one.
 */
@Catch()
export class FailureFilter implements ExceptionFilter {
  constructor(
    private readonly routes: RouteTableService,
    private readonly log: LogService,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<TollgateRequest>();
    const response = http.getResponse<Response>();
    const error = this.translate(exception, request, response);
    if (!(error instanceof DomainError) || error.code === 'internal') {
      this.log.error({ err: error, request_id: request.requestId }, 'unexpected failure');
    }
    sendError(request, response, error);
  }

  private translate(exception: unknown, request: TollgateRequest, response: Response): unknown {
    if (!(exception instanceof HttpException)) return exception;
    if (exception instanceof NotFoundException) {
      const allowed = this.routes.methodsOf(request.path);
      if (allowed.length === 0) {
        return new DomainError('invalid_url', `Invalid URL (${request.method} ${shownPath(request.path)})`);
      }
      response.setHeader('allow', allowed.join(', '));
      return new DomainError(
        'method_not_allowed',
        `Not allowed to ${request.method} on ${shownPath(request.path)}. (HINT: Perhaps you meant to use a different HTTP method?)`,
      );
    }
    // The router itself refuses only what it cannot decode.
    if (exception.getStatus() === 400) {
      return new DomainError('malformed_request', 'The URL could not be decoded.', { cause: exception });
    }
    return exception;
  }
}

/** A path is the caller's own text: bounded, and without what could colour a terminal. */
function shownPath(path: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  const printable = path.replace(/[\u0000-\u001f\u007f-\u009f]/g, '');
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable;
}
